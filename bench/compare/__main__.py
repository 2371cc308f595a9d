"""The work behind `script/bench compare`, which says how it is called."""

import argparse
import dataclasses
import json
import os
import platform
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from programs.__main__ import processor

from . import document, targets
from .figures import sections
from .measure import Failure, Workshop, counters_work, in_turns
from .page import left_out, page, text
from .peers import Missing, all_peers, only
from .tasks import all_tasks

RESULTS = document.RESULT.parent  # where those of a complete comparison are kept
BUDGET = 55 * 60   # seconds: no round begins that would end later, unless their number is given
QUICK_BUDGET = 120
USAGE = """script/bench compare [--quick] [--rounds N] [--scale X] [--only NAME...] [--against NAME...]
                            [--allocator NAME=PATH]... [--small-kitchen] [--json FILE] [--html FILE] [--list]"""


def parse(arguments):
    parser = argparse.ArgumentParser(prog="script/bench compare", usage=USAGE, add_help=False)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--scale", type=float)
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--against", nargs="+", default=[])
    parser.add_argument("--allocator", action="append", default=[])
    parser.add_argument("--small-kitchen", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--html", type=Path)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--build", type=Path, required=True)
    options = parser.parse_args(arguments)
    options.build = options.build.resolve()
    options.budget = float("inf") if options.rounds is not None else QUICK_BUDGET if options.quick else BUDGET
    options.rounds = options.rounds if options.rounds is not None else 2 if options.quick else 9
    options.scale = options.scale if options.scale is not None else 0.1 if options.quick else 1.0
    options.small_kitchen = options.small_kitchen or not options.quick
    if not options.quick and not options.only and not options.against:
        options.json, options.html = options.json or RESULTS / "compare.json", options.html or RESULTS / "compare.html"
    if options.rounds < 1 or not options.scale > 0:
        parser.error("rounds and scale have to be positive")
    return options


def chosen(options):
    tasks, missing = all_tasks(options.build / "workloads", options.scale)
    names = [task.name for task in tasks]
    for name in options.only:
        if name not in names:
            raise Missing(f"there is no task {name}; there are {', '.join(names)}")
    for sentence in missing:
        print(f"script/bench: {sentence}", file=sys.stderr)
    return [task for task in tasks if not options.only or task.name in options.only]


def measured(tasks, peers, options, counting):
    lively = sys.stderr.isatty()
    say = (lambda line: print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)) if lively else Milestones()
    folder = Path(tempfile.mkdtemp(prefix="basalt-bench-"))
    try:
        return in_turns(tasks, peers, options.rounds, Workshop(folder, counting), say, options.budget)
    finally:
        if lively:
            say("")
        shutil.rmtree(folder, ignore_errors=True)


class Milestones:
    """For those who read a log: a line now and then."""

    EVERY = 30  # seconds

    def __init__(self):
        self.last = -self.EVERY

    def __call__(self, line):
        if time.monotonic() - self.last >= self.EVERY:
            self.last = time.monotonic()
            print(line, file=sys.stderr, flush=True)


def as_json(outcome, tables, verdicts, peers, options, primary):
    return {
        "machine": {"processor": processor(), "cores": os.cpu_count(), "system": platform.platform()},
        "date": time.strftime("%Y-%m-%d"), "rounds": outcome.rounds, "scale": options.scale, "primary": primary,
        "allocators": {peer.name: peer.version for peer in peers},
        "summary": {each.title: each.table for each in tables},
        "means": {each.title: each.mean for each in tables},
        "targets": [dataclasses.asdict(verdict) for verdict in verdicts],
        "failures": {f"{task}/{peer}": str(failure) for (task, peer), failure in outcome.failures.items()},
        "runs": {f"{task}/{peer}": columns(each) for (task, peer), each in outcome.runs.items()},
    }


def columns(runs):
    """Returns: each figure by its name, round by round; what a task told of itself among them."""
    rows = [flat(run) for run in runs]
    return {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}


def flat(run):
    figures = dataclasses.asdict(run)
    return figures | figures.pop("told")


def rounded(value):
    """Returns: `value`, in which no number has digits that mean nothing."""
    if isinstance(value, dict):
        return {name: rounded(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(each) for each in value]
    return round(value, 6) if isinstance(value, float) else value


def written(result):
    """Returns: the result as JSON, a line for each row of a table and for each pair of task and allocator."""
    def lines(value, depth):
        if depth == 0 or not isinstance(value, dict) or not value:
            return json.dumps(rounded(value))
        inner = [f"{' ' * (3 - depth)}{json.dumps(name)}: {lines(each, depth - 1)}" for name, each in value.items()]
        return "{\n" + ",\n".join(inner) + "}"

    return lines(result, 3) + "\n"


def report(tasks, peers, outcome, options, counting):
    primary = ("Cost is cycles, user and kernel, over all threads." if counting else
               "This machine counts no cycles: cost is processor time, user and kernel, over all threads.")
    tables = sections(tasks, peers, outcome.runs, counting)
    verdicts = targets.verdicts(tasks, peers, outcome.runs)
    for each in tables:
        print("\n".join(text(each, peers, outcome.failures)) + "\n")
    print("\n".join(targets.lines(verdicts, counting)) + "\n")
    for sentence in left_out(outcome.failures):
        print(f"left out: {sentence}")
    print(f"{primary} Rounds: {outcome.rounds}.")
    result = as_json(outcome, tables, verdicts, peers, options, primary)
    if options.json:
        options.json.write_text(written(result))
    if options.html:
        options.html.write_text(page(result, tables, peers, verdicts, outcome.failures))
    if options.json == document.RESULT:
        document.renew()


def stop(*_):
    raise KeyboardInterrupt  # so that what runs is ended, servers too


def main(arguments):
    options = parse(arguments)
    signal.signal(signal.SIGTERM, stop)
    try:
        tasks = chosen(options)
        if options.list:
            print("\n".join(f"{task.name:24} {task.question}" for task in tasks))
            return 0
        peers = all_peers(options.build / "lib", options.small_kitchen, options.allocator)
        peers = only(peers, options.against) if options.against else peers
        counting = counters_work()
        outcome = measured(tasks, peers, options, counting)
        report(tasks, peers, outcome, options, counting)
        return 1 if any(peer == peers[0].name for _, peer in outcome.failures) else 0
    except (Missing, Failure) as reason:
        print(f"script/bench: {reason}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("script/bench: interrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
