"""The work behind `script/bench compare`, which says how it is called."""

import argparse
import dataclasses
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from pathlib import Path

from programs.__main__ import processor

from .figures import cost, means, peak, summary
from .measure import Failure, Workshop, counters_work, in_turns
from .page import page, text
from .peers import Missing, all_peers
from .tasks import all_tasks

USAGE = """script/bench compare [--quick] [--rounds N] [--scale X] [--only NAME...] [--allocator NAME=PATH]...
                            [--small-kitchen] [--json FILE] [--html FILE] [--list]"""


def parse(arguments):
    parser = argparse.ArgumentParser(prog="script/bench compare", usage=USAGE, add_help=False)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--scale", type=float)
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--allocator", action="append", default=[])
    parser.add_argument("--small-kitchen", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--html", type=Path)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--build", type=Path, required=True)
    options = parser.parse_args(arguments)
    options.build = options.build.resolve()
    options.rounds = options.rounds if options.rounds is not None else 2 if options.quick else 9
    options.scale = options.scale if options.scale is not None else 0.2 if options.quick else 1.0
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
    say = (lambda line: print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)) if lively else (lambda line: None)
    folder = Path(tempfile.mkdtemp(prefix="basalt-bench-"))
    try:
        runs = in_turns(tasks, peers, options.rounds, Workshop(folder, counting), say)
    finally:
        say("")
        shutil.rmtree(folder, ignore_errors=True)
    return runs


def report(tasks, peers, runs, options, counting):
    if counting:
        primary, unit, scale = "Cost is cycles, user and kernel, over all threads.", "millions of cycles", 1e-6
    else:
        primary = "This machine counts no cycles: cost is processor time, user and kernel, over all threads."
        unit, scale = "milliseconds of processor time", 1e3
    sections = []
    for title, its_unit, its_scale, figure in (("Cost", unit, scale, cost), ("Peak memory", "MiB resident", 2**-20, peak)):
        table = summary(tasks, peers, runs, figure)
        mean = means(table, peers)
        sections.append((title, its_unit, its_scale, table, mean))
        print("\n".join(text(title, its_unit, its_scale, table, peers, mean)) + "\n")
    print(primary)
    result = {
        "machine": {"processor": processor(), "cores": os.cpu_count(), "system": platform.platform()},
        "date": time.strftime("%Y-%m-%d"), "rounds": options.rounds, "scale": options.scale, "primary": primary,
        "allocators": {peer.name: peer.version for peer in peers},
        "summary": {title: table for title, _, _, table, _ in sections},
        "means": {title: mean for title, _, _, _, mean in sections},
        "runs": {f"{task}/{peer}": [dataclasses.asdict(run) for run in each] for (task, peer), each in runs.items()},
    }
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    if options.html:
        options.html.write_text(page(result, sections, peers))


def main(arguments):
    options = parse(arguments)
    try:
        tasks = chosen(options)
        if options.list:
            print("\n".join(f"{task.name:24} {task.question}" for task in tasks))
            return 0
        peers = all_peers(options.build / "lib", options.small_kitchen, options.allocator)
        counting = counters_work()
        report(tasks, peers, measured(tasks, peers, options, counting), options, counting)
    except (Missing, Failure) as reason:
        print(f"script/bench: {reason}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("script/bench: interrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
