#!/usr/bin/env python3
"""The gdb script on a live process and on a core of it: each kind of block is what it says."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(os.environ["BASALT_SOURCE_DIR"])
PROGRAM = pathlib.Path(os.environ["BASALT_BUILD_DIR"]) / "process/inspected_engine_global"
SCRIPT = SOURCE / "tools/gdb/basalt.py"
SKIPPED = 77
HEX = "0x[0-9a-f]+"
SPAN = rf"{HEX}: span at {HEX}: \d+ slots of {{}} bytes, {{}}\n  slot \d+ at {HEX}"

# What each command says.
EXPECTED = {
    "heap live": SPAN.format(112, "heap 1") + ": live\n",
    "heap live + 10": SPAN.format(112, "heap 1") + ", 10 bytes into it: live\n",
    "heap freed": SPAN.format(112, "heap 1") + ": free, in a bin of heap 1\n",
    "heap given_back": SPAN.format(2048, "heap 1") + ": free, given back by another thread and not collected yet\n",
    "heap large": rf"{HEX}: large block at {HEX}: 114688 bytes in whole slices, no heap's: live\n",
    "heap large + 20000": rf"{HEX}: large block at {HEX}: 114688 bytes in whole slices, no heap's, 20000 bytes into it: live\n",
    "heap huge": rf"{HEX}: huge block at {HEX}: \d+ bytes in whole slices, no heap's: live\n",
    "heap huge + 4999999": rf"{HEX}: huge block at {HEX}: \d+ bytes in whole slices, no heap's, 4999999 bytes into it: live\n",
    "heap of_object": SPAN.format(320, 'heap object ""') + ": live\n",
    "heap sampled": SPAN.format(80, 'heap object "sampled blocks"') + ": live\n  sampled: 77 bytes were asked for by\n"
                    rf"    {HEX} make_sampled \+ \d+",
    "heap guarded": rf"{HEX}: guarded block at {HEX}: 55 bytes were asked for: live\n",
    "heap &local": rf"{HEX}: not of this heap\n",
    "heap 0": r"0x0: not of this heap\n",
    "heap top": r" +live +blocks +of\n +4\.8 MiB +1  huge blocks\n +\d+\.0 KiB +\d  large blocks\n"
                rf"(?s:.*) all\n\nby call site, estimated from samples:\n +77 bytes +1  {HEX} make_sampled",
    "heap spans 320": rf" +span +slot +slots +free +remote +owner\n +{HEX} +320 +\d+ +\d+ +0  heap object",
    "heap spans": rf"(?s:.*){HEX} +2048 +\d+ +\d+ +1  heap 1\n",
}


def gdb(*arguments):
    done = subprocess.run(["gdb", "-batch", "-nx", "-iex", "set debuginfod enabled off", *arguments], capture_output=True,
                          text=True, check=False)
    return done.stdout + done.stderr


def typed(command):
    """The command as gdb has to be told: the program is built without the types of its variables."""
    word = command.split()[1]
    return command.replace(word, f"*(char **)&the_{word}") if word.isidentifier() and word not in ("top", "spans") else command


def commands():
    words = ["-ex", f"source {SCRIPT}"]
    for command in EXPECTED:
        words += ["-ex", f"echo \\n>{command}\\n", "-ex", typed(command)]
    return words


def check(output, where):
    problems = []
    for command, pattern in EXPECTED.items():
        said = output.partition(f"\n>{command}\n")[2].partition("\n>")[0] + "\n"
        if not re.match(pattern, said):
            problems.append(f"{where}: {command}: {said.strip()}")
    if problems:
        sys.exit("\n".join(problems))


def main():
    if not shutil.which("gdb"):
        print("not run here: gdb is missing")
        sys.exit(SKIPPED)
    if "python" in gdb("-ex", "python print(1)").lower():
        print("not run here: this gdb has no python")
        sys.exit(SKIPPED)
    with tempfile.TemporaryDirectory() as folder:
        core = os.path.join(folder, "core")
        output = gdb("-ex", "break stop_here", "-ex", "run", *commands(), "-ex", f"generate-core-file {core}", str(PROGRAM))
        if "ptrace" in output or "Couldn't get" in output:
            print(f"not run here: this process may not look into another one: {output.strip().splitlines()[-1]}")
            sys.exit(SKIPPED)
        check(output, "live")
        check(gdb(*commands(), str(PROGRAM), core), "core")
    output = gdb("-ex", f"source {SCRIPT}", "-ex", "heap live", "/bin/true")
    if "basalt: no engine is found in this process" not in output:
        sys.exit(f"a program without the engine: {output}")


main()
