#!/usr/bin/env python3
"""The pages about the engine show what their examples print: all that stands in their boxes, in order, and nothing else of it."""
import os
import pathlib
import re
import subprocess
import unittest

PAGES = {"tour-engine.md": "tour_engine", "how-a-free-comes-home.md": "way_home"}
DOCS = pathlib.Path(os.environ["BASALT_SOURCE_DIR"], "docs")
BUILT = pathlib.Path(os.environ["BASALT_BUILD_DIR"], "bin")


def printed(program):
    done = subprocess.run([BUILT / program], capture_output=True, text=True, timeout=60, check=True)
    return [line for line in done.stdout.splitlines() if line]


def shown(page, lines):
    """What stands in those boxes of the page that begin with something that is printed. The others are drawings."""
    boxes = re.findall(r"^```\n(.*?)^```$", (DOCS / page).read_text(), re.M | re.S)
    bodies = [[line for line in box.splitlines() if line] for box in boxes]
    return [line for body in bodies if body[0] in lines for line in body]


class Pages(unittest.TestCase):
    def test_each_shows_what_its_program_prints(self):
        for page, program in PAGES.items():
            with self.subTest(page=page):
                lines = printed(program)
                self.assertGreater(len(lines), 15)
                self.assertEqual(shown(page, lines), lines)

    def test_a_program_prints_the_same_each_time(self):
        for program in PAGES.values():
            self.assertEqual(printed(program), printed(program))

    def test_every_step_has_its_number(self):
        for page in PAGES:
            numbers = [int(number) for number in re.findall(r"^\*\*(\d+)\.", (DOCS / page).read_text(), re.M)]
            self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
            self.assertGreaterEqual(len(numbers), 5)


if __name__ == "__main__":
    unittest.main()
