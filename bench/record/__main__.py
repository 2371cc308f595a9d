"""The work behind `script/bench record`, which says how it is called."""

import argparse
import os
import platform
import shutil
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from compare.__main__ import Milestones, written
from compare.measure import Failure, Workshop, in_turns
from programs.__main__ import processor

from . import document
from .tasks import all_tasks
from .ways import all_ways, heaptrack_version

USAGE = "script/bench record [--rounds N] [--scale X] [--only NAME...] [--json FILE] [--list]"


def parse(arguments):
    parser = argparse.ArgumentParser(prog="script/bench record", usage=USAGE, add_help=False)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.)
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--build", type=Path, required=True)
    options = parser.parse_args(arguments)
    options.build = options.build.resolve()
    if not options.only:
        options.json = options.json or document.RESULT
    if options.rounds < 1 or not options.scale > 0:
        parser.error("rounds and scale have to be positive")
    return options


class Recordings(Workshop):
    """Looks at what each run leaves."""

    def run(self, task, peer, limit=600):
        run = super().run(task, peer, limit)
        run.told |= peer.told(self.folder)
        return run


def figures_of(runs):
    """Returns: of a program in one way: the least and the median of the rounds, and what its trace says."""
    told = runs[-1].told
    figures = {name: {"least": min(values), "median": median(values)} for name, values in (
        ("wall", [run.wall for run in runs]),
        ("cpu", [run.cpu / run.parts for run in runs]),
        ("burst_ns", [run.told["burst_ns"] for run in runs if "burst_ns" in run.told]),
        ("long_ns", [run.told["long_ns"] for run in runs if "long_ns" in run.told])) if values}
    return figures | {"parts": runs[-1].parts} | {
        name: told[name] for name in ("trace_bytes", "events", "whole") if name in told}


def main(arguments):
    options = parse(arguments)
    tasks, missing = all_tasks(options.build, options.scale)
    if options.list:
        print("\n".join(f"{task.name:16} {task.question}" for task in tasks))
        return 0
    for sentence in missing:
        print(f"script/bench: {sentence}", file=sys.stderr)
    tasks = [task for task in tasks if not options.only or task.name in options.only]
    heaptrack = shutil.which("heaptrack") or ""
    ways = all_ways(options.build, heaptrack)
    folder = Path(tempfile.mkdtemp(prefix="basalt-bench-"))
    load = os.getloadavg()[0]
    try:
        outcome = in_turns(tasks, ways, options.rounds, Recordings(folder, counting=False), Milestones())
    except Failure as reason:
        print(f"script/bench: {reason}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    result = {
        "machine": {"processor": processor(), "cores": os.cpu_count(), "system": platform.platform()},
        "date": time.strftime("%Y-%m-%d"), "rounds": outcome.rounds, "scale": options.scale, "load": load,
        "heaptrack": heaptrack_version(heaptrack),
        "work": {task.name: task.question for task in tasks},
        "figures": {task.name: {way.name: figures_of(outcome.runs[task.name, way.name]) for way in ways
                                if outcome.runs[task.name, way.name]} for task in tasks},
    }
    if options.json:
        options.json.write_text(written(result))
    if options.json == document.RESULT:
        document.renew()
    print(document.figures_of(result))
    for failure in outcome.failures.values():
        print(f"left out: {failure}")
    return 1 if outcome.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
