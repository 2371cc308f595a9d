#!/usr/bin/env python3
"""The example stress_test: its runs keep every law, and each wrong argument gets one sentence and exit status 2."""
import os
import pathlib
import re
import subprocess
import unittest

PROGRAM = pathlib.Path(os.environ["BASALT_BUILD_DIR"], "bin", "stress_test")


def run(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=60)


class Runs(unittest.TestCase):
    def check(self, *arguments):
        done = run(*arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.splitlines()

    def test_steps_and_least_allocations_are_kept(self):
        counts, *_ = self.check("3000", "50", "8")
        allocations, frees, live = map(int, re.findall(r"\d+", counts))
        self.assertEqual(allocations + frees, 3000)
        self.assertEqual(allocations - frees, live)
        self.assertGreaterEqual(live, 49, "one below is where the next step allocates")

    def test_everything_comes_back(self):
        self.assertIn(" 0 live", self.check("500", "20", "18")[2])

    def test_large_blocks_go_back_to_the_system(self):
        given_back = int(re.search(r"- (\d+) given back", self.check("300", "10", "22")[3])[1])
        self.assertGreater(given_back, 1 << 20)

    def test_nothing_to_do(self):
        self.assertEqual(self.check("0")[0], "0 allocations, 0 frees, 0 live")

    def test_the_smallest_sizes(self):
        self.check("1000", "100", "0")


class Arguments(unittest.TestCase):
    def refused(self, *arguments):
        done = run(*arguments)
        self.assertEqual((done.returncode, done.stdout), (2, ""), arguments)
        self.assertRegex(done.stderr, r"\Astress_test: [^\n]+\n\Z")
        return done.stderr

    def test_what_is_no_number(self):
        for word in ("x", "", "-1", "1e3", "10 ", "+5", "0x10", "99999999999999999999999"):
            self.assertIn(f"STEPS must be a whole number from 0 to 1000000000, not '{word}'", self.refused(word))

    def test_each_argument_is_named(self):
        self.assertIn("MIN_ALLOCATIONS must be", self.refused("10", "many"))
        self.assertIn("LOG2_MAX_SIZE must be a whole number from 0 to 30, not '31'", self.refused("10", "1", "31"))

    def test_too_many(self):
        self.assertIn("at most 3 arguments, not 4", self.refused("1", "2", "3", "4"))

    def test_help(self):
        for arguments in (["--help"], ["10", "--help"]):
            done = run(*arguments)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertTrue(done.stdout.startswith("usage: stress_test [STEPS] [MIN_ALLOCATIONS] [LOG2_MAX_SIZE]\n"))


if __name__ == "__main__":
    unittest.main()
