"""The work behind script/demo, which says how it is called."""

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

from . import PROGRAMS
from .allocators import built_in
from .report import Page, print_report
from .run import Failure, Workshop


class Progress:
    """What is going on just now: one line that changes, or nothing where nobody watches."""

    def __init__(self, stream):
        self.page = Page(stream)

    def say(self, text):
        if self.page.lively:
            print(f"\r\033[K{text}", end="", file=self.page.stream, flush=True)

    def step(self, text):
        """For those who read a log: said once."""
        if not self.page.lively:
            print(text, file=self.page.stream, flush=True)

    def clear(self):
        self.say("")


def parse(arguments):
    parser = argparse.ArgumentParser(prog="script/demo", add_help=False,
                                     usage="script/demo [--only NAME...] [--rounds N] [--scale X] [--json FILE]")
    parser.add_argument("--only", nargs="+", metavar="NAME", default=[])
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--libraries", type=Path, required=True)
    options = parser.parse_args(arguments)
    names = [program.name for program in PROGRAMS]
    for name in options.only:
        if name not in names:
            parser.error(f"there is no program {name}; there are {', '.join(names)}")
    if options.rounds < 1 or not options.scale > 0:
        parser.error("rounds and scale have to be positive")
    if options.json:
        try:
            options.json.touch()  # now, not after all the work
        except OSError as error:
            parser.error(f"cannot write {options.json}: {error.strerror}")
    return options


def run_all(programs, allocators, workshop, rounds, progress):
    """Runs take turns, so that whatever else the machine does falls on all allocators alike."""
    runs = {(program.name, allocator.name): [] for program in programs for allocator in allocators}
    for number in range(1, rounds + 1):
        progress.step(f"round {number} of {rounds}")
        for program in programs:
            for allocator in allocators:
                progress.say(f"round {number} of {rounds}: {program.name} on {allocator.name}: {program.work}")
                runs[program.name, allocator.name].append(workshop.run(program, allocator))
            for other in allocators[1:]:
                workshop.require_same(program, allocators[0], other)
    progress.clear()
    return runs


def as_json(runs, options):
    return {
        "machine": {"processor": processor(), "cores": os.cpu_count(), "system": platform.platform()},
        "date": time.strftime("%Y-%m-%d"),
        "scale": options.scale,
        "runs": [{"program": program, "allocator": allocator, "round": number, **dataclasses.asdict(run)}
                 for (program, allocator), rounds in runs.items() for number, run in enumerate(rounds, 1)],
    }


def processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def main(arguments):
    options = parse(arguments)
    programs = [program for program in PROGRAMS if not options.only or program.name in options.only]
    missing = sorted({tool for program in programs for tool in [*program.tools(), "time"] if not shutil.which(tool)})
    if missing:
        print(f"script/demo: not on PATH: {', '.join(missing)}; script/bootstrap demo installs them", file=sys.stderr)
        return 1
    progress = Progress(sys.stderr)
    scratch = Path(tempfile.mkdtemp(prefix="basalt-demo-"))
    try:
        # The loader splits LD_PRELOAD at spaces, and a folder may have one in its name: not this one.
        (scratch / "lib").symlink_to(options.libraries.resolve())
        allocators = built_in(scratch / "lib")
        runs = run_all(programs, allocators, Workshop(scratch, options.scale), options.rounds, progress)
    except Failure as failure:
        progress.clear()
        print(f"script/demo: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        progress.clear()
        shutil.rmtree(scratch, ignore_errors=True)
        print("script/demo: interrupted", file=sys.stderr)
        return 130
    shutil.rmtree(scratch, ignore_errors=True)
    print_report(programs, allocators, runs, Page(sys.stdout))
    names = ", ".join(program.name for program in programs)
    print(f"\nThe output of {names} was the same on {' and '.join(one.name for one in allocators)},"
          f" in each of {options.rounds} {'round' if options.rounds == 1 else 'rounds'}.")
    if options.json:
        options.json.write_text(json.dumps(as_json(runs, options), indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
