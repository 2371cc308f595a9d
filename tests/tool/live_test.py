#!/usr/bin/env python3
"""`basalt profile` and `basalt top` see a program while it runs, and leave it as it is."""
import contextlib
import gzip
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

from tool import TOOL, basalt, check, compile_program, equal, main

SUPPORT = pathlib.Path(os.environ["BASALT_SOURCE_DIR"]) / "tests" / "support"


def decoded(packed):
    """A profile as protoc reads it, which refuses what is none."""
    run = subprocess.run(["protoc", "--decode=Profile", f"--proto_path={SUPPORT}", SUPPORT / "profile.proto"],
                         input=gzip.decompress(packed), capture_output=True)
    equal(run.returncode, 0, run.stderr)
    return run.stdout.decode()


def places(run):
    equal(run.returncode, 5, "the program's status: " + run.stderr)
    return {place["name"].split(" ")[0]: place for place in json.loads(run.stdout)["places"]}


def every_request_is_known(folder):
    profile = pathlib.Path(folder) / "p.pb.gz"
    found = places(basalt("profile", "--json", "--period", 1, "-o", profile, "--", compile_program(folder, "grows"), 200))
    equal((found["that_stays"]["bytes"], found["that_stays"]["blocks"]), (2_000_000, 200), "what stays")
    equal((found["that_grows"]["bytes"], found["that_grows"]["blocks"]), (1_200_000, 400), "what grows")
    text = decoded(profile.read_bytes())
    check("value: 2000000" in text and "inuse_space" in text, "protoc reads the figures")


def nothing_held_is_said(folder):
    run = basalt("profile", "-o", f"{folder}/p", "--period", "1000G", "--", compile_program(folder, "threads"))
    equal(run.stdout, "Nothing that was sampled is held any more.\n", "what there is")
    check("-sample_index alloc_space" in run.stderr, f"what pprof can still show: {run.stderr}")


def growth(folder):
    found = places(basalt("profile", "--json", "--period", 1, "--leaks", "--warm-up", 0.5, "-o", f"{folder}/p", "--",
                          compile_program(folder, "grows"), 1500))
    equal(found["that_stays"]["growth_bytes"], 0, "what was there before")
    check(0 < found["that_grows"]["growth_bytes"] < 9_000_000, f"growth: {found['that_grows']}")
    text = basalt("profile", "-q", "--leaks", "--warm-up", 0.3, "--period", "4K", "-o", f"{folder}/p", "--",
                  compile_program(folder, "grows"), 900).stdout
    check("that_grows (grows.c" in text and "that_stays" not in text, f"the place that grew, and no other: {text}")


def estimates_are_near(folder):
    found = places(basalt("profile", "--json", "--period", "4K", "-o", f"{folder}/p", "--", compile_program(folder, "grows"), 500))
    for name, held in (("that_stays", 2_000_000), ("that_grows", 3_000_000)):
        off, usual = abs(found[name]["bytes"] - held), found[name]["uncertainty_bytes"]
        check(0 < usual < held / 4, f"{name}: ± {usual}")
        check(off < 6 * usual, f"{name}: {off} off, usually {usual}")


def an_end_without_exit(folder):
    grows = compile_program(folder, "grows")
    run = basalt("profile", "--every", 0.1, "--period", 1, "-o", f"{folder}/p", "--", grows, 800, "exit")
    equal(run.returncode, 9, "the status")
    check("did not exit by itself" in run.stderr and "that_grows" in run.stdout, run.stderr)
    run = basalt("profile", "-o", f"{folder}/q", "--", compile_program(folder, "grows", "-static"), 0, "exit")
    equal(run.returncode, 9, "the status of one that was not seen")
    check("basalt doctor" in run.stderr and not os.path.exists(f"{folder}/q"), run.stderr)


@contextlib.contextmanager
def running(*arguments):
    tool = subprocess.Popen([TOOL, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield tool
    finally:
        tool.communicate(timeout=60)


def fetched(url):
    with urllib.request.urlopen(url, timeout=10) as page:
        return page.headers["Content-Type"], page.read()


def children_of(pid):
    return [int(word) for word in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def over_http(folder):
    grows = compile_program(folder, "grows")
    with running("profile", "--serve", "127.0.0.1:0", "--period", 1, "-o", f"{folder}/p", "--", grows, 6000) as tool:
        address = re.search(r"http://127\.0\.0\.1:\d+", tool.stderr.readline())[0]
        time.sleep(1)
        check("value: 2000000" in decoded(fetched(address + "/debug/pprof/heap")[1]), "a profile")
        check("value: 2000000" in decoded(fetched(address + "/debug/pprof/allocs")[1]), "where Parca and Alloy look")
        kind, metrics = fetched(address + "/metrics")
        check(kind.startswith("application/openmetrics-text") and metrics.endswith(b"# EOF\n"), f"{kind}: {metrics[-80:]}")
        sums = json.loads(fetched(address + "/stats")[1])
        equal(sum(sums["sums_to_mapped"].values()), sums["mapped"], "statistics that add up")
        try:
            fetched(address + "/nothing")
            check(False, "a page that is none")
        except urllib.error.HTTPError as error:
            equal(error.code, 404, "a page that is none")
            check("/metrics" in error.read().decode(), "it says which there are")
        stays = re.search(r"address: (\d+)", decoded(fetched(address + "/debug/pprof/heap")[1]))[1]
        check(fetched(address + "/debug/pprof/symbol")[1].startswith(b"num_symbols: 1"), "there are names")
        with urllib.request.urlopen(address + "/debug/pprof/symbol", f"{int(stays):#x}+0x1".encode(), timeout=10) as page:
            names = page.read().decode()
        check(re.search(f"^{int(stays):#x} that_(stays|grows)$", names, re.M), f"a name for an address: {names}")
        watched = basalt("top", "--count", 2, "--interval", 0.1, "--json", children_of(tool.pid)[0])
        views = [json.loads(line) for line in watched.stdout.splitlines()]
        equal([len(views), watched.returncode], [2, 0], "top of a process: " + watched.stderr)
        check(views[0]["live"] > 2_000_000 and views[0]["resident"] > views[0]["live"], f"{views[0]['live']}")
        os.kill(children_of(tool.pid)[0], signal.SIGTERM)
    equal(tool.returncode, 128 + signal.SIGTERM, "the signal that it ended of")


def addresses_that_are_refused(folder):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        for address, words in (("0.0.0.0:8080", "other machines"), ("127.0.0.1", "no address"), ("127.0.0.1:x", "no address"),
                               (f"127.0.0.1:{taken.getsockname()[1]}", "nobody can listen")):
            run = basalt("profile", "--serve", address, "-o", f"{folder}/p", "--", "true")
            check(run.returncode == 2 and words in run.stderr, f"{address}: {run.stderr}")


def watching(folder):
    run = basalt("top", "--count", 2, "--interval", 0.1, "--", compile_program(folder, "grows"), 700)
    equal(run.returncode, 5, "the program's status")
    equal(run.stdout.count("resident"), 2, "two looks: " + run.stdout)
    check("\033" not in run.stdout, "no control characters in a file")
    run = basalt("top", os.getpid())
    check(run.returncode == 2 and "does not answer" in run.stderr, run.stderr)


def a_program_with_files_of_its_own_everywhere(folder):
    for command in (["top", "--count", 3, "--interval", 0.2], ["profile", "--period", 1, "--every", 0.1, "-o", f"{folder}/own.p"]):
        run = basalt(*command, "--", compile_program(folder, "own_files"), f"{folder}/own", 900)
        equal(run.returncode, 5, f"{command[0]}: nobody has written to its files: {run.stderr}")
        check(command[0] != "top" or run.stdout.count("resident") == 3, f"three looks: {run.stdout}{run.stderr}")


main(every_request_is_known, nothing_held_is_said, growth, estimates_are_near, an_end_without_exit, over_http, addresses_that_are_refused, watching,
     a_program_with_files_of_its_own_everywhere)
