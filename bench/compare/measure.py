"""One run of one task on one allocator, and all of them in turns."""

import json
import os
import shlex
import shutil
import subprocess
import time
from dataclasses import dataclass

from .tasks import suits

PATIENCE = 600  # seconds for one command
COUNTERS = "cycles,instructions:u"


class Failure(Exception):
    """A program did not end well. The message says which, on what, and how."""


@dataclass
class Run:
    wall: float = 0.     # seconds
    user: float = 0.     # seconds of processor, all threads
    system: float = 0.
    faults: int = 0      # page faults that needed no disk
    peak: int = 0        # bytes resident at most, of the largest process
    cycles: int = 0      # user and kernel; 0 where the machine does not count them
    instructions: int = 0
    operations: int = 0  # what a workload says of itself: 0 from a real program
    end: int = 0         # bytes resident when all was freed

    @property
    def cpu(self):
        return self.user + self.system


def counters_work():
    try:
        done = subprocess.run(["perf", "stat", "-x,", "-e", COUNTERS, "true"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return False
    return done.returncode == 0 and all(counts_of(done.stderr).values())


def counts_of(text):
    """Reads what `perf stat -x,` wrote. What could not be counted is 0."""
    counts = {"cycles": 0, "instructions": 0}
    for line in text.splitlines():
        cells = line.split(",")
        name = cells[2].split(":")[0] if len(cells) > 2 else ""
        if name in counts and cells[0].isdigit():
            counts[name] += int(cells[0])
    return counts


class Workshop:
    """The folder in which tasks run; the input of each is prepared once, and every run gets a copy."""

    def __init__(self, folder, counting):
        self.folder = folder
        self.counting = counting

    def run(self, task, peer):
        source = self.folder / task.name
        if not source.exists():
            task.prepare(source)
        here = self.folder / "here"
        shutil.rmtree(here, ignore_errors=True)
        shutil.copytree(source, here)
        run = Run()
        for command in task.commands(here):
            self._step(task, peer, command, here, run)
        return run

    # The stopwatch stands between this process and the program, which would inherit the peak of this one otherwise.
    def _step(self, task, peer, command, here, run):
        notes, counts = self.folder / "notes", self.folder / "counts"
        words = [f"{name}={value}" for name, value in {**peer.environment(), **command.env}.items()]
        argv = ["time", "-o", str(notes), "-f", "%M %R", "env", *words, *map(str, command.argv)]
        if self.counting:
            argv = ["perf", "stat", "-x,", "-e", COUNTERS, "-o", str(counts), *argv]
        with (open(command.stdin or os.devnull, "rb") as stdin, open(self.folder / "out", "wb") as out,
              open(self.folder / "err", "wb") as err):
            begin = time.perf_counter()
            process = subprocess.Popen(argv, cwd=here, stdin=stdin, stdout=out, stderr=err,
                                       env={**os.environ, "HOME": str(here), "LC_ALL": "C"})
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            run.wall += time.perf_counter() - begin
        if process.returncode != 0:
            last = (self.folder / "err").read_text(errors="replace").strip().splitlines()[-1:]
            raise Failure(f"{task.name} on {peer.name} ended with exit status {process.returncode}:"
                          f" {shlex.join(map(str, command.argv))}" + (f"; its last words: {last[0]}" if last else ""))
        self._note(run, usage, notes.read_text(), counts.read_text() if self.counting else "")

    def _note(self, run, usage, notes, counts):
        peak, faults = notes.split()[-2:]
        run.user += usage.ru_utime
        run.system += usage.ru_stime
        run.peak = max(run.peak, int(peak) * 1024)
        run.faults += int(faults)
        for name, count in counts_of(counts).items():
            setattr(run, name, getattr(run, name) + count)
        line = (self.folder / "out").read_bytes()[:200]
        if line.startswith(b'{"operations"'):
            words = json.loads(line)
            run.operations, run.end = words["operations"], words["resident_bytes"]


def in_turns(tasks, peers, rounds, workshop, say):
    """Returns: the runs by task and peer. They take turns, so that whatever else the machine does falls on all alike; and
    each round begins with another peer, since the first finds the caches colder."""
    runs = {(task.name, peer.name): [] for task in tasks for peer in peers if suits(task, peer)}
    done, begin, total = 0, time.monotonic(), len(runs) * rounds
    for number in range(rounds):
        for task in tasks:
            turn = number % len(peers)
            for peer in [*peers[turn:], *peers[:turn]]:
                if not suits(task, peer):
                    continue
                left = (time.monotonic() - begin) / done * (total - done) if done else 0
                say(f"round {number + 1} of {rounds}: {task.name} on {peer.name}"
                    + (f", {int(left) // 60}:{int(left) % 60:02} left" if done else ""))
                runs[task.name, peer.name].append(workshop.run(task, peer))
                done += 1
    return runs
