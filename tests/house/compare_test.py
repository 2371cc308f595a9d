#!/usr/bin/env python3
"""script/bench compare: its arithmetic, what it reads of others' words, and one tiny run from end to end."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
ROOT = Path(os.environ.get("BASALT_SOURCE_DIR", Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(ROOT / "bench"))

from compare import figures, measure, page, peers, tasks  # noqa: E402


class Task:
    name = "work"


def runs(*seconds):
    return [measure.Run(user=each) for each in seconds]


class Figures(unittest.TestCase):
    OURS, THEIRS = peers.Peer("ours"), peers.Peer("theirs")

    def summary(self, ours, theirs):
        return figures.summary([Task], [self.OURS, self.THEIRS],
                               {("work", "ours"): runs(*ours), ("work", "theirs"): runs(*theirs)}, figures.cost)

    def test_ratios_are_of_the_least_figures(self):
        cell = self.summary([3, 1, 2], [4, 2, 6])["work"]["theirs"]
        self.assertEqual((cell["least"], cell["median"], cell["ours_to_it"], cell["to_best"]), (2, 4, 0.5, 2))

    def test_an_interval_holds_the_ratio_of_the_medians(self):
        low, high = figures.interval(runs(1, 1.1, 0.9, 1, 1.2), runs(2, 2.2, 1.9, 2, 2.1), figures.cost)
        self.assertLessEqual(low, 0.5)
        self.assertGreaterEqual(high, 0.5)
        self.assertLess(high, 1)

    def test_a_disturbance_of_a_round_that_hits_both_widens_nothing(self):
        self.assertEqual(figures.interval(runs(1, 10, 1), runs(2, 20, 2), figures.cost), (0.5, 0.5))

    def test_means_are_geometric(self):
        self.assertAlmostEqual(figures.geometric_mean([0.5, 2, 1]), 1)

    def test_cycles_come_before_seconds(self):
        self.assertEqual(figures.cost(measure.Run(user=1, system=2)), 3)
        self.assertEqual(figures.cost(measure.Run(user=1, cycles=7)), 7)


class Words(unittest.TestCase):
    def test_what_perf_counted(self):
        text = "# started on Mon\n\n123,,cycles,1000,100.00,,\n45,,instructions:u,1000,100.00,,\n"
        self.assertEqual(measure.counts_of(text), {"cycles": 123, "instructions": 45})

    def test_what_perf_could_not_count(self):
        text = "<not supported>,,cycles,0,100.00,,\n<not counted>,,instructions:u,0,100.00,,\n"
        self.assertEqual(measure.counts_of(text), {"cycles": 0, "instructions": 0})

    def test_an_allocator_that_is_not_there(self):
        for wish in "name", "=path", "name=/no/such/library.so", f"name={__file__}":
            with self.assertRaises(peers.Missing):
                peers.named(wish)

    def test_a_page_stands_alone(self):
        both = [peers.Peer("ours"), peers.Peer("<theirs>", None, "1.0")]
        table = figures.summary([Task], both, {("work", peer.name): runs(1, 2) for peer in both}, figures.cost)
        result = {"machine": {"processor": "p", "cores": 2, "system": "s"}, "date": "d", "rounds": 2, "scale": 1,
                  "primary": "words"}
        text = page.page(result, [("Cost", "ms", 1, table, figures.means(table, both))], both)
        self.assertIn("&lt;theirs&gt; 1.0", text)
        self.assertNotIn("<theirs>", text)
        self.assertNotRegex(text, r"(src|href)=")


class Script(Task):
    """Stands for a workload."""

    def __init__(self, line):
        self.line = line

    def prepare(self, folder):
        folder.mkdir()

    def commands(self, here):
        return [tasks.Command(["bash", "-c", self.line])]


class Runs(unittest.TestCase):
    def run_one(self, line):
        with tempfile.TemporaryDirectory() as folder:
            return measure.Workshop(Path(folder), False).run(Script(line), peers.Peer("glibc"))

    def test_a_workload_tells_of_itself(self):
        run = self.run_one("""echo '{"operations": 7, "live_bytes": 0, "resident_bytes": 8}'""")
        self.assertEqual((run.operations, run.end), (7, 8))
        self.assertGreater(run.peak, 0)

    def test_a_failure_names_task_allocator_and_last_words(self):
        with self.assertRaises(measure.Failure) as caught:
            self.run_one("echo no luck >&2; exit 3")
        self.assertIn("work on glibc ended with exit status 3", str(caught.exception))
        self.assertIn("its last words: no luck", str(caught.exception))

    def test_from_end_to_end(self):
        build = Path(os.environ.get("BASALT_BUILD_DIR", ROOT / "build/dev"))
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder, "out.json")
            done = subprocess.run(
                [sys.executable, "-B", "-m", "compare", "--build", build, "--rounds", "1", "--scale", "0.001",
                 "--only", "tiny_lifo", "successors", "--json", out, "--html", Path(folder, "out.html")],
                env={**os.environ, "PYTHONPATH": str(ROOT / "bench")}, capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            result = json.loads(out.read_text())
            self.assertEqual(set(result["summary"]["Cost"]), {"tiny_lifo", "successors"})
            self.assertIn("glibc", result["means"]["Cost"])


if __name__ == "__main__":
    unittest.main()
