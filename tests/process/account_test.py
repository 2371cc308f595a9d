#!/usr/bin/env python3
"""What a process leaves when it exits, for an account of its memory: its mappings as the kernel has them, which of them are the heap's,
where the heap is described, and the statistics. The process runs this file again, with the library preloaded."""
import ctypes
import json
import os
import re
import subprocess
import sys
import tempfile

PRELOAD = os.environ["BASALT_PRELOAD"]


def expect(condition, what):
    if not condition:
        sys.exit(str(what))


def be_described():
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    print(*(libc.malloc(ctypes.c_size_t(size)) for size in (100, 50_000, 5_000_000)))


def run(path):
    return subprocess.run([sys.executable, "-S", __file__, "described"], capture_output=True, text=True, check=True,
                          env={**os.environ, "LD_PRELOAD": PRELOAD, "BASALT_ACCOUNT": path})


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "account")
        blocks = [int(word) for word in run(path).stdout.split()]
        with open(path, encoding="utf-8") as file:
            text = file.read()
        mappings = {int(begin, 16): int(end, 16) for begin, end in re.findall(r"^([0-9a-f]+)-([0-9a-f]+) ", text, re.M)}
        ours = [int(begin, 16) for begin in re.findall(r"^ours ([0-9a-f]+)$", text, re.M)]
        expect(len(mappings) > 10 and set(ours) <= set(mappings), text)
        for block in blocks:
            expect(any(begin <= block < mappings[begin] for begin in ours), f"{block:x} lies in no mapping of the heap\n{text}")
        tables = re.findall(r"^table ([0-9a-f]+) (\d+)$", text, re.M)
        expect(sum(int(resident) for _, resident in tables) > 0, text)
        statistics = json.loads(text[text.index("\n{") + 1:])
        expect("sums_to_mapped" in statistics, statistics)
        complaint = run(os.path.join(folder, "nowhere", "account")).stderr
        expect(complaint.startswith("basalt: cannot write the account to ") and "No such file" in complaint, complaint)


be_described() if sys.argv[1:] == ["described"] else main()
