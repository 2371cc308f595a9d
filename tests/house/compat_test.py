#!/usr/bin/env python3
"""Every row in docs/reference/compat.md has a program in tests/process, and every program a row; the flavours agree."""
import os
import pathlib
import re
import sys
import unittest

ROOT = pathlib.Path(os.environ.get("BASALT_SOURCE_DIR", pathlib.Path(__file__).resolve().parents[2]))
PROGRAMS = ROOT / "tests/process"
WORDS = {"linked": "global", "dlopen": "alone"}


def rows_of(name):
    """row33_to_36_x and row57_58_x stand for several rows."""
    span = re.match(r"row(\d+)_to_(\d+)_", name)
    if span:
        return set(range(int(span[1]), int(span[2]) + 1))
    few = re.match(r"row(\d+)(?:_(\d+))?_", name)
    return {int(number) for number in few.groups() if number} if few else set()


def claims_of(program):
    """Rows that a program names in its first lines, as "Row 12 (and 13)" or "Rows 33 to 36 and 53"."""
    head = re.search(r"[Rr]ows?\b[^:;.]*", program.read_text(encoding="utf-8")[:400])
    return {int(number) for number in re.findall(r"\d+", head[0])} if head else set()


def table(text):
    first = text.split("\n## ")[0]
    for line in first.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0].isdigit():
            yield int(cells[0]), cells


class Compat(unittest.TestCase):
    def setUp(self):
        self.rows = dict(table((ROOT / "docs/reference/compat.md").read_text(encoding="utf-8")))
        self.programs = sorted(PROGRAMS.glob("row*.*"))

    def test_every_row_has_a_program(self):
        have = set().union(*(rows_of(p.name) | claims_of(p) for p in PROGRAMS.iterdir() if p.is_file()))
        self.assertEqual([row for row in self.rows if row not in have], [])

    def test_every_program_has_its_rows(self):
        for program in self.programs:
            with self.subTest(program.name):
                self.assertLessEqual(rows_of(program.name), set(self.rows))

    def test_the_flavours_agree(self):
        for program in PROGRAMS.glob("row*.cpp"):
            wish = re.search(r"^// runs: (.*)$", program.read_text(encoding="utf-8"), re.M)
            runs = set((wish[1] if wish else "preload global").split())
            for row in rows_of(program.name):
                said = {WORDS.get(word, word) for word in self.rows[row][4].split()}
                with self.subTest(program.name):
                    self.assertEqual(said, runs)


if __name__ == "__main__":
    sys.exit(unittest.main())
