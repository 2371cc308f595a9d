#!/usr/bin/env python3
"""Real programs give the same output on Basalt as on the system's allocator: script/demo's, with small input."""

import os
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))

from programs import PROGRAMS  # noqa: E402
from programs.allocators import SYSTEM, Allocator  # noqa: E402
from programs.program import Command, Program  # noqa: E402
from programs.run import Failure, Workshop  # noqa: E402

LIBRARY = Path(os.environ.get("BASALT_PRELOAD", ROOT / "build/release/lib/libbasalt.so"))
SMALL = 0.05
BASALT = Allocator("basalt", LIBRARY)


class Shell(Program):
    """A program for the tests of the runner: one line of bash. (Debian's sh ends by _exit, and so without a report.)"""

    name = "shell"

    def __init__(self, line, produced=()):
        self.line = line
        self.produced = produced

    def commands(self, folder):
        return [Command(["bash", "-c", self.line])]

    def produces(self, folder):
        return [folder / name for name in self.produced]


class InAWorkshop(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="basalt-programs-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.workshop = Workshop(self.folder, SMALL)

    def run_on_both(self, program, other=BASALT):
        self.workshop.run(program, SYSTEM)
        run = self.workshop.run(program, other)
        self.workshop.require_same(program, SYSTEM, other)
        return run


class ProgramsTest(InAWorkshop):
    """One method for each program: see the end of this file."""


class RunnerTest(InAWorkshop):
    def failure_of(self, program):
        with self.assertRaises(Failure) as caught:
            self.run_on_both(program)
        return str(caught.exception)

    def test_notices_that_what_is_printed_differs(self):
        sentence = self.failure_of(Shell('echo "${LD_PRELOAD:+preloaded}"'))
        self.assertIn("shell does not give the same on system and on basalt: what it printed differs", sentence)

    def test_notices_that_what_is_complained_differs(self):
        sentence = self.failure_of(Shell('[ -z "$LD_PRELOAD" ] || echo preloaded >&2'))
        self.assertIn("what it complained differs", sentence)

    def test_notices_that_a_produced_file_differs(self):
        sentence = self.failure_of(Shell('echo "${LD_PRELOAD:+preloaded}" >file', ["file"]))
        self.assertIn("file differs; both are kept in ", sentence)

    def test_names_the_exit_status_the_command_and_the_last_words(self):
        sentence = self.failure_of(Shell("echo no luck >&2; exit 7"))
        self.assertIn("shell on system ended with exit status 7: bash -c 'echo no luck >&2; exit 7'", sentence)
        self.assertIn("its last words: no luck", sentence)

    def test_names_the_signal(self):
        self.assertIn("shell on system was killed by SIGKILL", self.failure_of(Shell("kill -KILL $$")))

    def test_notices_that_the_library_is_not_preloaded(self):
        absent = Allocator("absent", Path(self.folder) / "no-such-library.so")
        with self.assertRaises(Failure) as caught:
            self.workshop.run(Shell("true"), absent)
        self.assertIn("shell ran, but not on absent", str(caught.exception))

    def test_input_is_the_same_each_time(self):
        for program in PROGRAMS:
            texts = []
            for name in "once", "again":
                folder = Path(self.folder) / name / program.name
                folder.mkdir(parents=True)
                program.prepare(folder, SMALL)
                texts.append({path.name: path.read_bytes() for path in folder.iterdir()})
            self.assertTrue(texts[0])
            self.assertEqual(*texts)


def test_of(program):
    def test(self):
        missing = [tool for tool in [*program.tools(), "time"] if shutil.which(tool) is None]
        if missing:
            self.skipTest(f"not on PATH: {', '.join(missing)}; script/bootstrap demo installs them")
        self.assertGreater(self.run_on_both(program).heap.grown_bytes, 100_000)

    test.__doc__ = f"{program.name}: {program.work}"
    return test


for each in PROGRAMS:
    setattr(ProgramsTest, "test_" + type(each).__name__, test_of(each))

if __name__ == "__main__":
    unittest.main()
