#!/usr/bin/env python3
"""script/bench compare: its arithmetic, what it reads of others' words, and one tiny run from end to end."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

sys.dont_write_bytecode = True
ROOT = Path(os.environ.get("BASALT_SOURCE_DIR", Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(ROOT / "bench"))

from compare import document, figures, instructions, measure, page, peers, targets, tasks  # noqa: E402
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

    def test_our_other_libraries_are_nobodys_best(self):
        for other in peers.Peer("small kitchen", small_kitchen=True), peers.Peer("hardened", hardened=True):
            self.assertFalse(other.rival)
        small = peers.Peer("small kitchen", small_kitchen=True)
        table = figures.summary([Task], [self.OURS, small],
                                {("work", "ours"): runs(4), ("work", small.name): runs(2)}, figures.cost)
        self.assertEqual(table["work"]["ours"]["to_best"], 1)


class Row(tasks.Task):
    def __init__(self, name, kind="workload", question_name=""):
        self.name, self.kind, self.question_name = name, kind, question_name or name


class Document(unittest.TestCase):
    RESULT = {"machine": {"processor": "P", "cores": 2, "system": "S"}, "date": "2026-01-01", "rounds": 3, "scale": 1.0,
              "primary": "Cost is cycles.", "allocators": {"ours": "1", "glibc": "2"},
              "summary": {"Cost": {"a": {"ours": {"to_best": 1.0}, "glibc": {"to_best": 2.0}},
                                   "b": {"ours": {"to_best": 1.5}, "glibc": {"to_best": 1.0}}}},
              "means": {"Cost": {"ours": 1.0, "glibc": 0.8}},
              "targets": [{"target": "t", "reached": "r", "word": "missed"}]}

    def test_the_page_names_every_row_in_which_another_is_better(self):
        text = document.figures_of(self.RESULT)
        self.assertIn("| b | 1.50 | glibc |", text)
        self.assertNotIn("| a |", text)
        self.assertIn("| missed | t | r |", text)

    def test_only_what_stands_between_the_marks_is_replaced(self):
        old = f"before\n{document.BEGIN}\nold\n{document.END}\nafter\n"
        new = document.renewed(old, "new")
        self.assertEqual(new, f"before\n{document.BEGIN}\n\nnew\n\n{document.END}\nafter\n")


class Targets(unittest.TestCase):
    """`found` is by task and allocator: the seconds, or the Runs, of its rounds."""

    PEERS = [peers.Peer("ours"), peers.Peer("glibc"), peers.Peer("mimalloc"), peers.Peer("small", small_kitchen=True)]

    def verdicts(self, rows, found):
        found = {key: runs(*each) if isinstance(each[0], (int, float)) else each for key, each in found.items()}
        return {each.target: each for each in targets.verdicts(rows, self.PEERS, found)}

    def one(self, beginning, rows, found):
        matching = [each for target, each in self.verdicts(rows, found).items() if target.startswith(beginning)]
        self.assertEqual(len(matching), 1)
        return matching[0]

    def test_what_was_not_run_is_neither_met_nor_missed(self):
        self.assertEqual({each.word for each in self.verdicts([], {}).values()}, {"not measured"})

    def test_the_mean_is_held_against_the_strongest_peer(self):
        found = {("a", "ours"): (4, 4), ("a", "glibc"): (8, 8), ("a", "mimalloc"): (5, 5), ("a", "small"): (1, 1)}
        verdict = self.one("workloads, cost: mean", [Row("a")], found)
        self.assertEqual((verdict.word, verdict.reached), ("met", "0.80 (0.80 to 0.80) × mimalloc"))
        found["a", "ours"] = (4.5, 4.5)
        self.assertEqual(self.one("workloads, cost: mean", [Row("a")], found).word, "missed")

    def test_a_row_is_held_against_its_own_best_peer(self):
        found = {("a", "ours"): (1, 1), ("a", "glibc"): (2, 2), ("a", "mimalloc"): (3, 3),
                 ("b", "ours"): (2, 2), ("b", "glibc"): (9, 9), ("b", "mimalloc"): (1, 1)}
        verdict = self.one("programs, cost: no row", [Row("a", "program"), Row("b", "program")], found)
        self.assertEqual(verdict.reached, "2.00 (2.00 to 2.00) × mimalloc at b; above in 1 of 2: b")
        self.assertEqual(verdict.word, "missed")

    def test_a_target_is_missed_only_if_the_whole_interval_lies_beyond_it(self):
        found = {("a", "ours"): (1.1, 1.1, 1.1, 0.9, 0.9), ("a", "glibc"): (1, 1, 1, 1, 1)}
        verdict = self.one("programs, cost: no row", [Row("a", "program")], found)
        self.assertTrue(verdict.reached.startswith("1.10 (0.90 to 1.10)"))
        self.assertEqual(verdict.word, "open")
        found["a", "ours"] = (1.1, 1.1, 1.1, 1.1, 1.1)
        self.assertEqual(self.one("programs, cost: no row", [Row("a", "program")], found).word, "missed")

    def test_a_peer_that_did_not_get_through_does_not_count(self):
        found = {("a", "ours"): (2, 2), ("a", "glibc"): (), ("a", "mimalloc"): (2, 2)}
        found = {key: runs(*each) for key, each in found.items()}
        self.assertEqual(targets.Evidence([Row("a")], self.PEERS, found).to_best(["a"], ["glibc", "mimalloc"], figures.cost)[0][2],
                         "mimalloc")

    def test_rows_with_a_figure_of_their_own_have_no_cost(self):
        row = Row("tail_small", question_name="tail")
        row.own_figure = True
        slow = {("tail_small", name): [measure.Run(user=9, told={"malloc_p9999_ns": ns, "free_p9999_ns": 1})]
                for name, ns in (("ours", 30), ("glibc", 20))}
        self.assertEqual(self.one("workloads, cost: mean", [row], slow).word, "not measured")
        self.assertEqual(self.one("tail: the slowest of 10,000 calls of malloc", [row], slow).word, "missed")
        self.assertEqual(self.one("tail: the slowest of 10,000 calls of free", [row], slow).word, "met")

    def test_memory_is_held_against_what_is_live(self):
        held = [measure.Run(told={"live_bytes": 100, "live_resident_bytes": 126})]
        found = {("phases", "ours"): held, ("free_only", "ours"): held}
        rows = [Row("phases"), Row("free_only")]
        self.assertEqual(self.one("phases: resident", rows, found).word, "missed")
        self.assertEqual(self.one("free_only: resident", rows, found).word, "met")

    def test_scaling_is_the_growth_of_ours_and_that_of_peers_is_told(self):
        def told(ns):
            return [measure.Run(told={"thread_ns": ns})]

        rows = [Row(f"scaling_{threads}", question_name="scaling") for threads in (1, 2)]
        found = {("scaling_1", "ours"): told(10), ("scaling_2", "ours"): told(12),
                 ("scaling_1", "glibc"): told(10), ("scaling_2", "glibc"): told(15)}
        verdict = self.one("scaling: a thread beside", rows, found)
        self.assertEqual((verdict.word, verdict.reached), ("missed", "1.20 (1.20 to 1.20); peers: glibc 1.50"))

    def test_a_short_process_is_held_against_glibc(self):
        def each(faults, seconds):
            return [measure.Run(user=seconds, faults=faults, told={"operations": 10})]

        found = {("process_start", "ours"): each(900, 0.010), ("process_start", "glibc"): each(600, 0.004),
                 ("process_start", "mimalloc"): each(1000, 0.009)}
        row = [Row("process_start")]
        self.assertEqual(self.one("a short process: at most 25 page faults", row, found).word, "missed")
        self.assertEqual(self.one("a short process: at most 0.5 ms", row, found).word, "missed")
        self.assertEqual(self.one("a short process: fewer page faults", row, found).word, "met")
        self.assertEqual(self.one("a short process: fewer ms", row, found).word, "missed")


class Turns(unittest.TestCase):
    def play(self, rounds, budget=float("inf"), fails=()):
        """Returns: the Outcome, and who ran, in order. A run takes no time, and `fails` names who does."""
        order = []

        class Shop:
            @staticmethod
            def run(task, peer, limit):
                order.append(peer.name)
                if peer.name in fails:
                    raise measure.Unfinished("late")
                return measure.Run()

        both = [peers.Peer("one"), peers.Peer("two"), peers.Peer("small", small_kitchen=True)]
        return measure.in_turns([Task()], both, rounds, Shop, lambda line: None, budget), order

    def test_each_round_begins_with_another_and_the_small_kitchen_takes_part_in_two(self):
        outcome, order = self.play(3)
        self.assertEqual(order, ["one", "two", "small", "one", "small", "two", "one", "two"])
        self.assertEqual(outcome.rounds, 3)

    def test_who_fails_is_not_tried_again(self):
        outcome, order = self.play(3, fails=["two"])
        self.assertEqual(order.count("two"), 1)
        self.assertEqual((outcome.runs["work", "two"], outcome.failures["work", "two"].outcome), ([], "did not finish"))

    def test_no_round_begins_beyond_the_budget_but_the_first(self):
        self.assertEqual(self.play(9, budget=-1)[0].rounds, 1)


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

    def test_what_cannot_be_preloaded_is_not_measured(self):
        with self.assertRaises(peers.Missing):
            peers.all_peers(Path("/no/such/folder"), False, [])

    def test_only_those_named_stay_beside_ours(self):
        found = [peers.Peer("ours"), peers.Peer("glibc"), peers.Peer("other")]
        self.assertEqual([each.name for each in peers.only(found, ["other"])], ["ours", "other"])
        with self.assertRaises(peers.Missing):
            peers.only(found, ["none"])

    def test_a_page_stands_alone(self):
        both = [peers.Peer("ours"), peers.Peer("<theirs>", None, "1.0")]
        found = {("work", peer.name): runs(1, 2) for peer in both}
        result = {"machine": {"processor": "p", "cores": 2, "system": "s"}, "date": "d", "rounds": 2, "scale": 1,
                  "primary": "words"}
        text = page.page(result, figures.sections([Task], both, found, False), both, [targets.Verdict("a < b", "-")],
                         {("work", "x"): measure.Failure("<luck>"), ("<late>", "x"): measure.Unfinished()})
        self.assertIn("&lt;theirs&gt; 1.0", text)
        for raw in "<theirs>", "a < b", "<luck>", "<late>":
            self.assertNotIn(raw, text)
        self.assertNotRegex(text, r"(src|href)=")
        self.assertIn("prefers-color-scheme:dark", text)

    def test_what_is_beyond_the_axis_has_its_figure_beside_it(self):
        both = [peers.Peer("ours"), peers.Peer("theirs")]
        table = {"near": {"ours": {"to_best": 1.0}, "theirs": {"to_best": 9.0}}, "far": {"ours": {"to_best": 1.0}, "theirs": {"to_best": 79.8}}}
        text = "".join(page.plot(table, both))
        self.assertEqual(re.findall(r">to (\d+)<", text), ["80"])
        self.assertEqual(re.findall(r'<i style="background:(.*?)"></i>(\w+)', text), [("var(--c0)", "ours"), ("var(--c1)", "theirs")])


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


def stops_answering(port):
    """A process that was killed still listens for a moment."""
    end = time.monotonic() + 30
    while service.answers(port) and time.monotonic() < end:
        time.sleep(0.01)
    return not service.answers(port)


# Counts as perf would: perf stat -x, -e EVENTS [-o FILE] COMMAND
PERF = """#!/usr/bin/env bash
shift 4
notes=/dev/stderr
[ "$1" != -o ] || { notes=$2; shift 2; }
"$@"
status=$?
printf '7000,,cycles,1,100.00,,\\n5,,instructions:u,1,100.00,,\\n' >"$notes"
exit $status
"""
# Stands for valgrind: a process and its child, of 1,001 instructions each.
VALGRIND = """#!/usr/bin/env bash
while [[ $1 == --* ]]; do
  case $1 in --log-file=*) log=${1#--log-file=} ;; esac
  shift
done
for process in 1 2; do echo "==$process== I   refs:      1,001" >"${log/\\%p/$$$process}"; done
"$@"
"""
ONLY = ["tiny_lifo", "asymmetric", "tail_small", "scaling_2"]


class Runs(unittest.TestCase):
    def run_one(self, *commands, limit=60):
        with tempfile.TemporaryDirectory() as folder:
            return measure.Workshop(Path(folder), False).run(Script(*commands), peers.Peer("glibc"), limit)

    def test_a_workload_tells_of_itself(self):
        run = self.run_one("""echo '{"operations": 7, "live_bytes": 0, "resident_bytes": 8}'""")
        self.assertEqual((run.told["operations"], run.told["resident_bytes"]), (7, 8))
        self.assertGreater(run.peak, 0)

    def test_cycles_are_those_of_the_program(self):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "perf").write_text(PERF)
            Path(folder, "perf").chmod(0o755)
            with mock.patch.dict(os.environ, PATH=f"{folder}:{os.environ['PATH']}"):
                self.assertTrue(measure.counters_work())
                run = measure.Workshop(Path(folder), True).run(Script("exit 0"), peers.Peer("glibc"))
                served = measure.Workshop(Path(folder), True).run(Script(server([], "true")), peers.Peer("glibc"))
        self.assertEqual((run.cycles, run.instructions), (7000, 5))
        self.assertEqual(figures.cost(served), 7000 / 3)

    def test_instructions_are_those_of_all_processes(self):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "valgrind").write_text(VALGRIND)
            Path(folder, "valgrind").chmod(0o755)
            with mock.patch.dict(os.environ, PATH=f"{folder}:{os.environ['PATH']}"):
                workshop = instructions.Counted(Path(folder))
                one = workshop.run(Script("exit 0"), peers.Peer("glibc"))
                again = workshop.run(Script("exit 0"), peers.Peer("glibc"))
        self.assertEqual((one.instructions, again.instructions), (2002, 2002))

    def test_instructions_have_means_by_kind(self):
        table = {"tiny_lifo": ("workload", [200, 100]), "phases": ("workload", [800, 100]), "perl": ("program", [100, 200])}
        found = list(instructions.means(table))
        self.assertEqual([count for _, count, _ in found], [2, 1, 3])
        for (_, _, mean), expected in zip(found, (4, 0.5, 2)):
            self.assertAlmostEqual(mean, expected)

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
        self.assertTrue(stops_answering(seen[0]))

    def test_a_server_is_stopped_also_when_its_client_fails(self):
        seen = []
        with self.assertRaises(measure.Failure) as caught:
            self.run_one(server(seen, "bash", "-c", "echo no luck >&2; exit 3"))
        self.assertIn("did not serve: bash ended with exit status 3: no luck", str(caught.exception))
        self.assertTrue(stops_answering(seen[0]))

    def test_a_server_is_stopped_also_when_its_client_hangs(self):
        seen = []
        with self.assertRaises(measure.Unfinished):
            self.run_one(server(seen, "sleep", "1000"), limit=1)
        self.assertTrue(stops_answering(seen[0]))

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
                 "--only", *ONLY, "--json", out, "--html", Path(folder, "out.html")],
                env={**os.environ, "PYTHONPATH": str(ROOT / "bench")}, capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            result = json.loads(out.read_text())
            self.assertEqual(set(result["summary"]["Cost"]), {"tiny_lifo", "asymmetric"})
            self.assertIn("glibc", result["means"]["Cost"])
            for title, row in (("Memory at the end", "tiny_lifo"), ("Memory while blocks are held", "asymmetric"),
                               ("Slow mallocs", "tail_small"), ("Slow frees", "tail_small"), ("Scaling", "scaling_2")):
                self.assertGreater(result["summary"][title][row]["glibc"]["least"], 0, title)
            # The small kitchen may be too slow on a busy machine.
            self.assertEqual([pair for pair in result["failures"] if not pair.endswith("/small kitchen")], [])
            self.assertEqual(len(result["runs"]["tail_small/basalt"]["malloc_p9999_ns"]), 1)


if __name__ == "__main__":
    unittest.main()
