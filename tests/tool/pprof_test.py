#!/usr/bin/env python3
"""The pprof of Go reads our profiles without a complaint: those in files and those that are served, with names, sums and build-ids."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

from tool import TOOL, basalt, check, compile_program, equal, main


def pprof(folder, *words):
    run = subprocess.run(["go", "tool", "pprof", *map(str, words)], capture_output=True, text=True, timeout=100,
                         env={**os.environ, "PPROF_TMPDIR": str(folder), "HOME": str(folder)})
    equal(run.returncode, 0, f"{words}: {run.stderr}")
    complaints = [line for line in run.stderr.splitlines() if not line.startswith(("Fetching profile over HTTP", "Saved profile in"))]
    equal(complaints, [], f"what pprof says of {words}")
    return run.stdout


def build_id(program):
    return re.search(r"Build ID: (\w+)", subprocess.run(["readelf", "-n", program], capture_output=True, text=True, check=True).stdout)[1]


def exported(folder):
    trace, profile, program = pathlib.Path(folder) / "t", pathlib.Path(folder) / "p.pb.gz", compile_program(folder, "memory_habits")
    basalt("record", "-q", "-o", trace, "--", program)
    basalt("export", "--to", "pprof", "-o", profile, trace)
    top = pprof(folder, "-top", "-unit=B", profile)
    check(re.search(r"^ *3000000B .* hold_most[()]*$", top, re.M), "who holds most is first asked for: " + top)
    check(f"Build ID: {build_id(program)}" in top, top)
    check(re.search(r"^ *2000 .* forget_blocks[()]*$", pprof(folder, "-top", "-sample_index=inuse_objects", profile), re.M), "blocks in use")
    check(re.search(r"^ *1000000B .* make_a_buffer_each_time", pprof(folder, "-top", "-unit=B", "-sample_index=alloc_space", profile), re.M),
          "bytes that were allocated")
    check(re.search(r"main\b", pprof(folder, "-peek", "hold_most", profile)), "who called it")


def sampled(folder):
    profile, grows = pathlib.Path(folder) / "p.pb.gz", compile_program(folder, "grows")
    basalt("profile", "-q", "--period", 1, "-o", profile, "--", grows, 100)
    top = pprof(folder, "-top", "-unit=B", profile)
    check(re.search(r"^ *2000000B .* that_stays$", top, re.M), top)
    check(f"Build ID: {build_id(grows)}" in top, top)


def served(folder):
    """Where it has no file to read names in, pprof asks the server for them."""
    grows = compile_program(folder, "grows")
    tool = subprocess.Popen([TOOL, "profile", "-q", "--serve", "127.0.0.1:0", "--period", "1", "-o", f"{folder}/p", "--", grows, "20000"],
                            stderr=subprocess.PIPE, text=True)
    address = re.search(r"http://127\.0\.0\.1:\d+", tool.stderr.readline())[0]
    time.sleep(1)
    for page in ("heap", "allocs"):
        check("that_stays" in pprof(folder, "-top", f"{address}/debug/pprof/{page}"), page)
    check("that_stays" in pprof(folder, "-symbolize=remote", "-top", f"{address}/debug/pprof/heap"), "names from the server")
    tool.terminate()
    tool.communicate(timeout=60)


if shutil.which("go") is None:
    print("not run here: there is no go, whose pprof this is about")
    sys.exit(77)
main(exported, sampled, served)
