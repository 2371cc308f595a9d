#!/usr/bin/env python3
"""Who ends the tool ends the program, has what there is of the result, and finds nothing left behind."""
import contextlib
import os
import pathlib
import resource
import signal
import subprocess
import time

from tool import TOOL, basalt, check, compile_program, equal, events, info, main

ENDLESS = "trap 'exit 5' TERM; echo $$; while :; do sleep 0.01; done"


def passing():
    return {name for name in os.listdir("/dev/shm") if name.startswith("basalt-")}


@contextlib.contextmanager
def begun(folder, *arguments):
    """The tool, with a folder of its own for what is passing, which must be empty at the end."""
    place, before = pathlib.Path(folder) / "passing", passing()
    place.mkdir(exist_ok=True)
    tool = subprocess.Popen([TOOL, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder,
                            env={**os.environ, "TMPDIR": str(place)})
    yield tool
    tool.communicate(timeout=60)
    equal(os.listdir(place), [], f"{arguments[0]}: files left behind")
    left = passing() - before
    for _ in range(600):  # others that run beside this test have theirs for a while
        if left := left & passing():
            time.sleep(0.05)
    equal(left, set(), f"{arguments[0]}: shared memory left behind")


def is_gone(pid):
    for _ in range(200):
        if not pathlib.Path(f"/proc/{pid}").exists():
            return True
        time.sleep(0.01)
    return False


def every_command_passes_them_on(folder):
    for command in (["run"], ["run", "--stats"], ["record", "-o", f"{folder}/t"], ["check", "--max-peak", "1G"], ["profile", "-o", f"{folder}/p"], ["top"]):
        for sent, program, status in ((signal.SIGTERM, ENDLESS, 5), (signal.SIGHUP, ENDLESS, 128 + signal.SIGHUP),
                                      (signal.SIGTERM, "echo $$; exec sleep 100", 128 + signal.SIGTERM)):
            with begun(folder, *command, "--", "sh", "-c", program) as tool:
                pid = next(line for line in tool.stdout if line.strip().isdigit()).strip()
                tool.send_signal(sent)
                equal(tool.wait(timeout=60), status, f"{command} and {sent.name}")
                check(is_gone(pid), f"{command} and {sent.name}: the program is gone")


def what_there_is_is_written(folder):
    trace, profile, busy = pathlib.Path(folder) / "t", pathlib.Path(folder) / "p", compile_program(folder, "busy")
    run = subprocess.run(["timeout", "1", TOOL, "record", "-o", trace, "--", busy, "1000000000"], capture_output=True, text=True, timeout=100)
    equal(run.returncode, 124, "what timeout says")
    check("events of process" in run.stderr and "next: basalt report" in run.stderr, run.stderr)
    equal((info(trace)["ending"], info(trace)["damage"]), ("whole", ""), "the trace")
    check(any(e.get("stack") for e in events(trace, "--from", 1000, "--count", 100)), "stacks")
    check("churn (busy.c:" in basalt("report", trace).stdout, "names")
    subprocess.run(["timeout", "1", TOOL, "profile", "-o", profile, "--", compile_program(folder, "grows"), "10000"], capture_output=True, timeout=100)
    check(profile.exists(), "a profile from before it was killed")


def before_and_after_there_is_a_program(folder):
    trace = pathlib.Path(folder) / "t"
    basalt("record", "-q", "-o", trace, "--", compile_program(folder, "busy"), 300_000)
    for sent in (signal.SIGINT, signal.SIGTERM):
        with begun(folder, "replay", "-r", 1000, trace) as tool:
            time.sleep(0.5)
            os.kill(tool.pid, sent)
            status = tool.wait(timeout=60)
            check(status in (-sent, 128 + sent), f"{sent.name} ends a replay: {status}")


def a_limit_on_files_is_a_full_disk(folder):
    """The tool's own: the recording ends there, and the program goes on and ends as it does."""
    trace = pathlib.Path(folder) / "t"
    with begun(folder, "record", "--unwind", "none", "-o", trace, "--", compile_program(folder, "busy"), 3_000_000) as tool:
        while not trace.exists() or trace.stat().st_size < 50_000:
            time.sleep(0.002)
        resource.prlimit(tool.pid, resource.RLIMIT_FSIZE, (100_000, 100_000))
        said, complaints = tool.communicate(timeout=60)
        equal((tool.returncode, said), (0, "done\n"), complaints)
        check(f"{trace} is not whole: File too large" in complaints, complaints)
    check(info(trace)["events"] > 0, "what was written before can be read")
    program = "ulimit -f 1; head -c 100000 /dev/zero >long; echo $?"
    for script, status in ((f"exec {TOOL} run -q -- sh -c '{program}'", 128 + signal.SIGXFSZ), (f"trap '' XFSZ; exec {TOOL} run -q -- sh -c '{program}'", 1)):
        run = subprocess.run(["sh", "-c", script], cwd=folder, capture_output=True, text=True, timeout=60)
        equal(run.stdout, f"{status}\n", "the program is ended by the signal, unless it was ignored before: " + run.stderr)


def nohup_stays(folder):
    with begun(folder, "run", "--", "sh", "-c", ENDLESS) as tool:
        tool.stdout.readline()
        tool.terminate()
    script = f"trap '' HUP; exec {TOOL} run -q -- sh -c 'kill -HUP $PPID; kill -HUP $$; echo on'"
    equal(subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=60).stdout, "on\n", "what was ignored is ignored")


if __name__ == "__main__":
    main(every_command_passes_them_on, what_there_is_is_written, before_and_after_there_is_a_program, a_limit_on_files_is_a_full_disk, nohup_stays)
