"""One program, once, on one allocator: how it ended, what it cost, what it left."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from .program import environment

PATIENCE = 120  # seconds that one command may take


class Failure(Exception):
    """A program died, or its output depends on the allocator. The message says all a person needs."""


@dataclass
class HeapAtExit:
    """What the processes of one run reported of their heaps, added up or, where sums mean nothing, of the busiest."""

    processes: int = 0
    allocations: int = 0       # of all of them; 0 from an allocator that does not count its calls
    grown_bytes: int = 0       # what all of them had from the system
    free_blocks: int = 0       # on the list of the busiest when it ended
    peak_free_blocks: int = 0  # and when it was longest
    fragmentation: float = 0.  # of the same: 1 - largest free block / free bytes

    @classmethod
    def read(cls, statistics):
        heaps = [json.loads(line) for line in statistics.read_text().splitlines()] if statistics.exists() else []
        if not heaps:
            return cls()
        busiest = max(heaps, key=lambda heap: (heap["allocations"], heap["grown_bytes"]))
        free = busiest["free_bytes"]
        return cls(len(heaps), sum(heap["allocations"] for heap in heaps), sum(heap["grown_bytes"] for heap in heaps),
                   busiest["free_blocks"], busiest["peak_free_blocks"],
                   1 - busiest["largest_free_bytes"] / free if free else 0.)


@dataclass
class Run:
    seconds: float = 0.   # wall time of all commands
    peak_bytes: int = 0   # resident memory of the largest process
    heap: HeapAtExit = None  # only from an allocator that reports


class Workshop:
    """The folder in which programs run. For each it holds the input, prepared once, and for each allocator what the
    last run left, in a folder of the allocator's name. Runs take place in `here`: whatever a program prints of its
    working directory is the same on every allocator."""

    def __init__(self, folder, scale):
        self.folder = Path(folder)
        self.scale = scale

    def run(self, program, allocator):
        """Returns: a Run. Raises: Failure, if a command does not end well."""
        home = self.folder / program.name
        here = home / "here"
        if not (home / "input").exists():
            (home / "input").mkdir(parents=True)
            program.prepare(home / "input", self.scale)
        shutil.copytree(home / "input", here)
        outcome = home / allocator.name
        shutil.rmtree(outcome, ignore_errors=True)
        outcome.mkdir()
        run = Run()
        try:
            for command in program.commands(here):
                self._step(program, allocator, command, here, outcome, run)
        finally:
            here.rename(outcome / "folder")
        if allocator.reports:
            run.heap = HeapAtExit.read(outcome / "statistics")
            if not run.heap.processes:
                raise Failure(f"{program.name} ran, but not on {allocator.name}: no process reported its heap;"
                              f" {allocator.library} was not preloaded")
        return run

    def require_same(self, program, reference, other):
        """Raises: Failure, if what `program` left on the two allocators is not the same."""
        home = self.folder / program.name
        left, right = (self._output(program, home / one.name) for one in (reference, other))
        for name in sorted(left.keys() | right.keys()):
            if left.get(name) != right.get(name):
                raise Failure(f"{program.name} does not give the same on {reference.name} and on {other.name}: {name}"
                              f" differs; both are kept in {home}")

    def _step(self, program, allocator, command, here, outcome, run):
        # The stopwatch stands between this process and the program, because a process inherits the peak of the one
        # that it was forked from, and Python's is larger than that of many a program. The allocator begins with the
        # program itself.
        added = allocator.environment(outcome / "statistics") | command.env
        words = [f"{name}={value}" for name, value in added.items()]
        stopwatch = ["time", "-o", str(outcome / "peak"), "-f", "%M", "env", *words, *map(str, command.argv)]
        with (open(command.stdin or os.devnull, "rb") as source,
              open(outcome / "stdout", "ab") as stdout, open(outcome / "stderr", "ab") as stderr):
            begin = time.perf_counter()
            process = subprocess.Popen(stopwatch, cwd=here, env=environment(here), stdin=source, stdout=stdout,
                                       stderr=stderr, start_new_session=True)
            try:
                status = process.wait(PATIENCE)
            except BaseException as reason:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                if not isinstance(reason, subprocess.TimeoutExpired):
                    raise
                status = None
            run.seconds += time.perf_counter() - begin
        peak = (outcome / "peak").read_text().splitlines() if status is not None else []
        if status != 0:
            raise Failure(self._obituary(program, allocator, command, status, peak, outcome))
        run.peak_bytes = max(run.peak_bytes, int(peak[-1]) * 1024)

    @staticmethod
    def _obituary(program, allocator, command, status, peak, outcome):
        by_signal = re.search(r"terminated by signal (\d+)", " ".join(peak))
        if status is None:
            how = f"was still running after {PATIENCE} s"
        elif by_signal:
            how = f"was killed by {signal.Signals(int(by_signal[1])).name}"
        else:
            how = f"ended with exit status {status}"
        said = (outcome / "stderr").read_text(errors="replace").strip().splitlines()
        return (f"{program.name} on {allocator.name} {how}: {shlex.join(map(str, command.argv))};"
                + (f" its last words: {said[-1]};" if said else "") + f" all it left is in {outcome}")

    @staticmethod
    def _output(program, outcome):
        files = {"what it printed": outcome / "stdout", "what it complained": outcome / "stderr"}
        folder = outcome / "folder"
        files |= {str(path.relative_to(folder)): path for path in program.produces(folder)}
        return {name: program.normalise(path.read_bytes()) for name, path in files.items()}
