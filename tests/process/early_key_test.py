#!/usr/bin/env python3
"""The key of the hardened library's marks is what the kernel drew for the process, also in a C++ program, whose first request comes
before the constructors of libraries: in two processes whose files lie at the same addresses, as under gdb, it is not the same."""
import os
import re
import shutil
import subprocess
import sys

LIBRARY = os.environ["BASALT_PRELOAD"]
PROGRAM = os.path.join(os.environ["BASALT_BUILD_DIR"], "process/forked_children_differ")
SKIPPED = 77


def key():
    """Returns: the key that a process has when its main begins, and where it lies."""
    key_of = "basalt::door::kitchen.records_.key_"
    said = subprocess.run(["gdb", "-batch", "-nx", "-iex", "set debuginfod enabled off", "-ex", f"set environment LD_PRELOAD {LIBRARY}",
                           "-ex", "break main", "-ex", "run", "-ex", f"print {key_of}._M_i", "-ex", f"print &{key_of}", PROGRAM],
                          capture_output=True, text=True, check=False).stdout
    found = re.search(r"\$1 = (\d+)\n\$2 = .* (0x[0-9a-f]+)", said)
    if not found:
        print(f"not run here: gdb did not tell the key\n{said}")
        sys.exit(SKIPPED)
    return int(found[1]), found[2]


def main():
    if "hardened" not in os.path.basename(LIBRARY) or not shutil.which("gdb"):
        print("not run here: there is no key, or no gdb")
        return SKIPPED
    (first, place), (second, other_place) = key(), key()
    if place != other_place:
        print("not run here: gdb does not keep files at their addresses")
        return SKIPPED
    print(f"keys {first:#x} and {second:#x}, both at {place}")
    return 0 if first and second and first != second else 1


if __name__ == "__main__":
    sys.exit(main())
