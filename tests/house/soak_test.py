#!/usr/bin/env python3
"""script/soak adds figures up, goes on where it ended, names the command that repeats a failure, and writes its table."""

import os
import sys
import tempfile
import unittest
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from unittest import mock

sys.dont_write_bytecode = True
ROOT = Path(os.environ.get("BASALT_SOURCE_DIR", Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(ROOT / "script"))

from gates import __main__ as command, figures, page, parts, runner  # noqa: E402
from gates.record import Record  # noqa: E402


def part(name, shell, **more):
    return parts.Part(name, "Gate", "work", f"bash -c '{shell}'", "tests/fuzz/replay.cpp", builds=(), seconds=1, **more)


class Figures(unittest.TestCase):
    def test_are_added_up_or_the_largest_counts(self):
        output = "7: figure: 3 forks\n.figure: 4 forks\nfigure: 9 KiB at most\nfigure: 5 KiB at most\nno figure here\n"
        self.assertEqual(figures.of(output), {"forks": 7, "KiB at most": 9})
        self.assertEqual(figures.sentence({"forks": 10020}), "10,020 forks")


class InAFolder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        logs = mock.patch.object(runner, "LOGS", self.folder)
        logs.start()
        self.addCleanup(logs.stop)

    def record(self, sources="these"):
        return Record(self.folder / "record.json", sources)

    def soak(self, *chosen, minutes=1, record=None):
        """Returns: the soak, and what it printed."""
        soak = command.Soak(chosen, record or self.record(), minutes, insist=True)
        with redirect_stdout(StringIO()) as printed:
            soak.go_on()
            soak.summary()
        return soak, printed.getvalue()


class Soaking(InAFolder):
    def test_goes_on_with_the_pieces_that_have_not_passed(self):
        counted = part("counted", 'echo "$BASALT_PIECE" >>' + str(self.folder / "ran") + '; echo "figure: 2 forks"', pieces=3)
        record = self.record()
        record.note(counted, 1, {"forks": 5}, 0.1, None)
        _, printed = self.soak(counted)
        self.assertEqual((self.folder / "ran").read_text(), "2/3\n3/3\n")
        self.assertIn("9 forks", printed)
        self.soak(counted)  # all has passed: nothing is run
        self.assertEqual((self.folder / "ran").read_text(), "2/3\n3/3\n")

    def test_runs_everything_anew_on_other_sources(self):
        ended = part("ended", "echo figure: 1 forks")
        self.soak(ended)
        self.assertTrue(self.record().passed(ended))
        self.assertFalse(self.record("others").passed(ended))

    def test_names_the_command_that_repeats_a_failure_and_goes_on(self):
        soak, printed = self.soak(part("bad", "echo the reason; exit 3", scale=7), part("good", "true", counts="tests"))
        self.assertEqual(soak.failed, {"bad": "BASALT_SCALE=7 bash -c 'echo the reason; exit 3'"})
        self.assertIn("the reason", printed)
        self.assertIn("again, what failed in bad: BASALT_SCALE=7 bash -c 'echo the reason; exit 3'", printed)
        self.assertTrue(self.record().passed(part("good", "true")))

    def test_what_was_skipped_has_not_passed(self):
        soak, printed = self.soak(part("skipping", 'echo figure: 1 forks; echo "   12 - process.one (Skipped)"'))
        self.assertIn("skipping", soak.failed)
        self.assertIn("skipped, so not shown: process.one", printed)

    def test_gives_every_round_a_seed_of_its_own_until_the_time_is_over(self):
        endless = part("endless", 'sleep 0.1; echo "$BASALT_SEED" >>' + str(self.folder / "seeds"), endless=True, counts="tests")
        self.soak(endless, minutes=0.02)
        seeds = (self.folder / "seeds").read_text().split()
        self.assertGreater(len(seeds), 1)
        self.assertEqual(len(seeds), len(set(seeds)))

    def test_every_part_names_tests_that_there_are(self):
        self.assertEqual(len(parts.NAMES), len(set(parts.NAMES)))
        for one in parts.ALL:
            self.assertTrue((ROOT / one.where).exists(), one.where)


class Table(InAFolder):
    def test_replaces_what_stands_between_the_marks(self):
        text = self.folder / "trust.md"
        text.write_text(f"before\n{page.BEGIN}\nstale\n{page.END}\nafter\n")
        record = self.record()
        first = parts.ALL[0]
        record.note(first, 1, {"calls": 1234}, 1, None)
        page.write(record, text)
        written = text.read_text()
        self.assertTrue(written.startswith("before\n") and written.endswith("\nafter\n"))
        self.assertIn(f"| {first.gate} | {first.work} | 1,234 calls | `script/soak --only {first.name}` |", written)
        self.assertIn("| not run |", written)
        self.assertIn(f"\nRun at {record.commit}.\n", written)
        self.assertNotIn("stale", written)


if __name__ == "__main__":
    unittest.main()
