#!/usr/bin/env python3
"""basalt_stats_json and basalt_stats_openmetrics of a real process: they parse, and every sum closes.

The process that is asked runs this file again, with the library preloaded."""
import ctypes
import json
import os
import re
import subprocess
import sys

PRELOAD = os.environ["BASALT_PRELOAD"]
ENGINE = "basic" not in os.path.basename(PRELOAD)


def text_of(name):
    function = getattr(ctypes.CDLL(None), name)
    function.restype = ctypes.c_size_t
    function.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    wanted = function(None, 0)
    buffer = ctypes.create_string_buffer(2 * wanted)
    length = function(buffer, len(buffer))
    if length >= len(buffer) or length != len(buffer.value):
        sys.exit(f"{name}: {length} of {len(buffer)} bytes, {len(buffer.value)} written")
    return buffer.value.decode("ascii")


def expect(condition, what):
    if not condition:
        sys.exit(what)


def check_json(text):
    stats = json.loads(text)
    sums = stats["sums_to_mapped"]
    expect(stats["schema"] == 1 and min(sums.values()) >= 0, f"figures: {stats}")
    expect(sum(sums.values()) == stats["mapped"] > 0, f"mapped: {stats}")
    for group in ("classes", "heaps") if ENGINE else ():
        for row in stats[group]:
            parts = [row[part] for part in ("live", "free", "cached", "remote", "tails")]
            expect(min(parts) >= 0 and sum(parts) == row["bytes"], f"{group}: {row}")
        expect(sum(row["live"] for row in stats[group]) == sums["live_slots"], f"{group}: live")
        expect(sum(row["cached"] for row in stats[group]) == sums["cached"], f"{group}: cached")


def check_open_metrics(text):
    expect(text.endswith("\n# EOF\n"), "the end mark")
    values = {}
    for line in text.splitlines()[:-1]:
        found = re.fullmatch(r'(# (TYPE|UNIT|HELP) \w+_bytes \S.*)|(\w+_bytes)(\{[^{}]*\})? (\d+)', line)
        expect(found, f"not a line of OpenMetrics: {line!r}")
        if found.group(3):
            values.setdefault(found.group(3), {})[found.group(4)] = int(found.group(5))
    memory = sum(values["basalt_memory_bytes"].values())
    expect(memory > 0, "no memory")
    if ENGINE:
        expect(values["basalt_mapped_bytes"][None] == memory, "OpenMetrics: the sum")


if len(sys.argv) > 1:
    check_json(text_of("basalt_stats_json"))
    check_open_metrics(text_of("basalt_stats_openmetrics"))
else:
    subprocess.run([sys.executable, __file__, "inside"], check=True, timeout=60,
                   env={**os.environ, "LD_PRELOAD": PRELOAD, "PYTHONMALLOC": "malloc"})
