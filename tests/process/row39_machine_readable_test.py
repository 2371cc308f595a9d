#!/usr/bin/env python3
"""Row 39 and the exit report: what malloc_info writes is XML, what BASALT_STATS appends is JSON, a line a process."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

PRELOAD = os.environ["BASALT_PRELOAD"]
KITCHEN = pathlib.Path(PRELOAD).stem.removeprefix("lib")
PROGRAM = pathlib.Path(os.environ["BASALT_BUILD_DIR"], "process/row39_mallinfo_and_kin")


def run(program, **variables):
    subprocess.run([program], check=True, timeout=20, env={**os.environ, "LD_PRELOAD": PRELOAD, **variables})


def expect(condition, what):
    if not condition:
        sys.exit(what)


def check_xml(directory):
    file = pathlib.Path(directory, "info.xml")
    run(PROGRAM, BASALT_XML=str(file))
    root = xml.etree.ElementTree.parse(file).getroot()
    expect(root.tag == "malloc" and root.get("version") == KITCHEN, "malloc_info: the root")
    free, live = (root.find(f"heap/total[@type='{kind}']") for kind in ("free", "live"))
    system = root.find("heap/system[@type='current']")
    expect(int(free.get("size")) + int(live.get("size")) == int(system.get("size")), "malloc_info: the sums")


def check_json(directory):
    file = pathlib.Path(directory, "stats.json")
    odd = pathlib.Path(directory, 'a "name" \\ with\ttrouble')
    odd.symlink_to("/bin/true")
    for program in ("/bin/true", odd):
        run(program, BASALT_STATS=str(file))
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    expect([line["program"] for line in lines] == ["true", "a _name_ _ with_trouble"], f"the programs: {lines}")
    for line in lines:
        expect(line["live_bytes"] + line["free_bytes"] == line["grown_bytes"] - line["given_back_bytes"], "the law")
    pipe = pathlib.Path(directory, "a pipe that nobody reads")
    os.mkfifo(pipe)
    for place in (directory, str(pipe), "/dev/full"):
        done = subprocess.run(["/bin/true"], capture_output=True, text=True, timeout=20, check=False,
                              env={**os.environ, "LD_PRELOAD": PRELOAD, "BASALT_STATS": place})
        expect(done.returncode == 0 and done.stderr.startswith("basalt: cannot write the statistics to " + place),
               f"{place} cannot be written: {done}")


with tempfile.TemporaryDirectory() as scratch:
    check_xml(scratch)
    check_json(scratch)
