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

from compare import figures, measure, page, peers, targets, tasks  # noqa: E402
from programs import service  # noqa: E402


class Task(tasks.Task):
    name = question_name = "work"
    kind = "workload"


def runs(*seconds):
    return [measure.Run(user=each, peak=1) for each in seconds]


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

    def test_the_cost_of_a_server_is_for_a_thousand_operations(self):
        self.assertEqual(figures.cost(measure.Run(user=6, parts=3)), 2)

    def test_who_has_no_figure_has_no_cell_and_no_mean(self):
        rounds = {("work", "ours"): [measure.Run(told={"resident_bytes": 8})], ("work", "theirs"): runs(1)}
        table = figures.summary([Task], [self.OURS, self.THEIRS], rounds, figures.told("resident_bytes"))
        self.assertEqual(list(table["work"]), ["ours"])
        self.assertEqual(figures.means(table, [self.OURS, self.THEIRS]), {"ours": 1})

    def test_the_small_kitchen_is_nobodys_best(self):
        small = peers.Peer("small kitchen", small_kitchen=True)
        table = figures.summary([Task], [self.OURS, small],
                                {("work", "ours"): runs(4), ("work", small.name): runs(2)}, figures.cost)
        self.assertEqual(table["work"]["ours"]["to_best"], 1)


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
        found = {("work", peer.name): runs(1, 2) for peer in both}
        result = {"machine": {"processor": "p", "cores": 2, "system": "s"}, "date": "d", "rounds": 2, "scale": 1,
                  "primary": "words"}
        text = page.page(result, figures.sections([Task], both, found, False), both, [targets.Verdict("a < b", "-")],
                         {("work", "x"): measure.Unfinished("<late>")})
        self.assertIn("&lt;theirs&gt; 1.0", text)
        for raw in "<theirs>", "a < b", "<late>":
            self.assertNotIn(raw, text)
        self.assertNotRegex(text, r"(src|href)=")


class Script(Task):
    """Stands for a workload."""

    def __init__(self, command):
        self.command = command

    def prepare(self, folder):
        folder.mkdir()

    def commands(self, here):
        return [self.command(here) if callable(self.command) else tasks.Command(["bash", "-c", self.command])]


SERVER = """
import os, signal, socket, sys
one = socket.create_server(("127.0.0.1", int(sys.argv[1])))
with open(sys.argv[2], "w") as file: print(os.getpid(), file=file)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(int(sys.argv[3])))
while True: one.accept()
"""


def server(seen, *client, status="0"):
    """Returns: what makes the command for a server, whose folder and port go to `seen`."""
    def command(here):
        port = service.free_port()
        seen.append(port)
        return service.Service([sys.executable, "-c", SERVER, port, here / "pid", status], pid_file=here / "pid", port=port,
                               clients=(client,), operations=3000)
    return command


class Runs(unittest.TestCase):
    def run_one(self, *commands, limit=60):
        with tempfile.TemporaryDirectory() as folder:
            return measure.Workshop(Path(folder), False).run(Script(*commands), peers.Peer("glibc"), limit)

    def test_a_workload_tells_of_itself(self):
        run = self.run_one("""echo '{"operations": 7, "live_bytes": 0, "resident_bytes": 8}'""")
        self.assertEqual((run.told["operations"], run.told["resident_bytes"]), (7, 8))
        self.assertGreater(run.peak, 0)

    def test_a_failure_names_task_allocator_and_last_words(self):
        with self.assertRaises(measure.Failure) as caught:
            self.run_one("echo no luck >&2; exit 3")
        self.assertIn("work on glibc ended with exit status 3", str(caught.exception))
        self.assertIn("its last words: no luck", str(caught.exception))

    def test_what_takes_too_long_is_ended(self):
        with self.assertRaises(measure.Unfinished) as caught:
            self.run_one("sleep 1000 & wait", limit=0.2)
        self.assertEqual(caught.exception.outcome, "did not finish")

    def test_a_server_is_used_and_stopped(self):
        seen = []
        run = self.run_one(server(seen, "true"))
        self.assertEqual((run.parts, run.told["operations"]), (3, 3000))
        self.assertGreater(run.told["resident_bytes"], 0)
        self.assertFalse(service.answers(seen[0]))

    def test_a_server_is_stopped_also_when_its_client_fails(self):
        seen = []
        with self.assertRaises(measure.Failure) as caught:
            self.run_one(server(seen, "bash", "-c", "echo no luck >&2; exit 3"))
        self.assertIn("did not serve: bash ended with exit status 3: no luck", str(caught.exception))
        self.assertFalse(service.answers(seen[0]))

    def test_a_server_is_stopped_also_when_its_client_hangs(self):
        seen = []
        with self.assertRaises(measure.Unfinished):
            self.run_one(server(seen, "sleep", "1000"), limit=1)
        self.assertFalse(service.answers(seen[0]))

    def test_a_server_that_ends_badly_has_failed(self):
        with self.assertRaises(measure.Failure) as caught:
            self.run_one(server([], "true", status="4"))
        self.assertIn("ended with exit status 4", str(caught.exception))

    def test_a_server_that_does_not_come_up(self):
        with self.assertRaises(measure.Failure) as caught:
            self.run_one(lambda here: service.Service(["false"], pid_file=here / "pid", port=1, clients=(), operations=1))
        self.assertIn("false did not come up", str(caught.exception))

    def test_from_end_to_end(self):
        build = Path(os.environ.get("BASALT_BUILD_DIR", ROOT / "build/dev"))
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder, "out.json")
            done = subprocess.run(
                [sys.executable, "-B", "-m", "compare", "--build", build, "--rounds", "1", "--scale", "0.001",
                 "--only", "tiny_lifo", "thread_churn", "--json", out, "--html", Path(folder, "out.html")],
                env={**os.environ, "PYTHONPATH": str(ROOT / "bench")}, capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            result = json.loads(out.read_text())
            self.assertEqual(set(result["summary"]["Cost"]), {"tiny_lifo", "thread_churn"})
            self.assertIn("glibc", result["means"]["Cost"])


if __name__ == "__main__":
    unittest.main()
