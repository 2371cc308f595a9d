"""The work behind `script/bench checks --instructions`: how many instructions whole processes carry out, on two libraries.

Valgrind counts them, so they do not depend on what else the machine does, and one run of each is enough; where threads wait for
one another, how long they do is counted too. Of all tasks the table is kept, in bench/results/checks.json and docs/why/double-free.md."""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

from .document import BENCH, renewed, table as page_table
from .figures import geometric_mean
from .measure import Failure, Workshop
from .peers import Missing, all_peers, only
from .tasks import GROUPS, all_tasks

RESULT = BENCH / "results" / "checks.json"
PAGE = BENCH.parent / "docs" / "why" / "double-free.md"
PATIENCE = 600  # seconds for one run: it is some thirty times as slow
COUNT = re.compile(r"I +refs: +([0-9,]+)")


class Counted(Workshop):
    def __init__(self, folder):
        super().__init__(folder, False)

    def _stopwatch(self, task, peer, command):
        argv = super()._stopwatch(task, peer, command)
        at = argv.index("env")  # what stands before measures time
        return [*argv[:at], "valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null",
                "--trace-children=yes", f"--log-file={self.folder}/refs.%p", *argv[at:]]

    def _note(self, run):
        super()._note(run)
        for log in self.folder.glob("refs.*"):
            run.instructions += sum(int(count.replace(",", "")) for count in COUNT.findall(log.read_text()))
            log.unlink()


def counted(tasks, peers, workshop):
    """Returns: for each task that went well its kind, and how many instructions it took on each peer, in their order."""
    table = {}
    for task in tasks:
        try:
            row = [workshop.run(task, peer, PATIENCE).instructions for peer in peers]
        except Failure as reason:
            print(f"left out: {reason}", flush=True)
            continue
        if all(row):
            table[task.name] = task.kind, row
            print(f"{task.name:26} {row[0]:14,} {row[1]:14,}   {row[0] / row[1]:.4f}", flush=True)
    return table


def means(table):
    """Yields: what the rows are, how many, and the geometric mean of the quotients."""
    for words, kinds in GROUPS.items():
        ratios = [row[0] / row[1] for kind, row in table.values() if kind in kinds]
        yield words, len(ratios), geometric_mean(ratios)


def figures_of(table, scale):
    """Returns: what stands between the marks of the page."""
    valgrind = subprocess.run(["valgrind", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    rows = [[name, f"{row[0]:,}", f"{row[1]:,}", f"{row[0] / row[1]:.4f}"] for name, (_, row) in table.items()]
    rows += [[f"geometric mean, {words} ({count})", "", "", f"{mean:.4f}"] for words, count, mean in means(table)]
    return f"{valgrind}, {date.today()}, scale {scale:g}.\n\n{page_table(['instructions', 'with checks', 'without', 'quotient'], rows)}"


def keep(table, scale):
    RESULT.write_text(json.dumps({"scale": scale, "tasks": table}, indent=1) + "\n")
    PAGE.write_text(renewed(PAGE.read_text(), figures_of(table, scale)))


def main(arguments):
    parser = argparse.ArgumentParser(prog="script/bench checks --instructions", add_help=False)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--allocator", action="append", required=True)
    parser.add_argument("--against", nargs=1, required=True)
    parser.add_argument("--scale", type=float, default=0.02)
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="basalt-bench-"))
    try:
        if not shutil.which("valgrind"):
            raise Missing("valgrind counts the instructions, and is not installed (script/bootstrap test installs it)")
        tasks, _ = all_tasks(options.build.resolve() / "workloads", options.scale)
        chosen = [task for task in tasks if not options.only or task.name in options.only]
        peers = only(all_peers(options.build.resolve() / "lib", False, options.allocator), options.against)
        print(f"{'instructions':26} {peers[0].name:>14} {peers[1].name:>14}   quotient")
        table = counted(chosen, peers, Counted(folder))
    except Missing as reason:
        print(f"script/bench: {reason}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for words, count, mean in means(table):
        print(f"geometric mean of {count} quotients, {words}: {mean:.4f}")
    if options.json:
        options.json.write_text(json.dumps(table, indent=1) + "\n")
    if table and not options.only:
        keep(table, options.scale)
    return 0 if table else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
