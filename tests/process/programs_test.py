#!/usr/bin/env python3
"""Real programs give the same output on Basalt as on the system's allocator: script/demo's, with small input; when script/soak
asks, all whose output can be compared, with theirs."""

import os
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))

from programs import PROGRAMS, GsPages, LuaTables, NodeJson, Z3Jobs  # noqa: E402
from programs.allocators import SYSTEM, Allocator  # noqa: E402
from programs.program import Command, Program  # noqa: E402
from programs.run import Failure, Workshop  # noqa: E402

LIBRARY = Path(os.environ.get("BASALT_PRELOAD", ROOT / "build/release/lib/libbasalt.so"))
SOAKS = int(os.environ.get("BASALT_SCALE", "1")) > 1
SMALL = 0.5 if SOAKS else 0.05
BASALT = Allocator("basalt", LIBRARY)


COMPARED = [*PROGRAMS, Z3Jobs(), GsPages(), LuaTables(), NodeJson()] if SOAKS else PROGRAMS


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


class RedisReplies(Program):
    """redis-server, and what it answers."""

    name = "redis-replies"
    work = "what redis answers to writes of every kind of value, and to reads of them"

    def tools(self):
        return ["redis-server", "redis-cli"]

    def prepare(self, folder, scale):
        lines = []
        for i in range(int(40_000 * scale)):
            key, value = i * 7919 % 997, "v" * (i * 31 % 700)
            lines += [f"set s{key} {value}", f"append s{key} more", f"hset h{key % 10} f{key} {value}", f"rpush l{key % 7} {i}",
                      f"zadd z{key % 5} {i} m{key}", f"strlen s{key}", f"lrange l{key % 7} -3 -1", f"del s{(key + 1) % 997}"]
        (folder / "commands").write_text("\n".join([*lines, "dbsize", "shutdown nosave", ""]))

    def commands(self, folder):
        server = "redis-server --port 0 --unixsocket s --save '' --appendonly no --logfile log --daemonize no &"
        wait = "until redis-cli -s s ping >ping 2>&1 && grep -q PONG ping; do sleep 0.05; done"
        return [Command(["bash", "-c", f"{server}\n{wait}\nredis-cli -s s <commands && wait"])]


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
        for program in COMPARED:
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
        run = self.run_on_both(program)
        self.assertGreater(run.heap.grown_bytes, 100_000)
        print("figure: 1 programs with the same output", flush=True)
        print(f"figure: {run.heap.processes} processes", flush=True)

    test.__doc__ = f"{program.name}: {program.work}"
    return test


for each in [*COMPARED, RedisReplies()]:
    setattr(ProgramsTest, "test_" + type(each).__name__, test_of(each))

if __name__ == "__main__":
    unittest.main()
