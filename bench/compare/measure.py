"""One run of one task on one allocator, and all of them in turns."""

import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from programs.service import BACKSTOP, NotServed, NotUp, Service

PATIENCE = 120  # seconds for one run
LEISURE = 8     # seconds for one run of the small kitchen: it has to wait for memory at every step of its list
COUNTERS = "cycles,instructions:u"


class Failure(Exception):
    """A program did not end well. The message says which, on what, and how."""

    outcome = "failed"


class Unfinished(Failure):
    """It had not ended when its time was up."""

    outcome = "did not finish"


def words_of(argv):
    """Returns: the words of a command, fit to be kept: no place of this machine is among them."""
    return [Path(word).name if isinstance(word, Path) else str(word) for word in argv]


@dataclass
class Run:
    wall: float = 0.     # seconds
    user: float = 0.     # seconds of processor, all threads
    system: float = 0.
    faults: int = 0      # page faults that needed no disk
    peak: int = 0        # bytes resident at most, of the largest process
    cycles: int = 0      # user and kernel; 0 where the machine does not count them
    instructions: int = 0
    parts: float = 1.    # what cost is divided by: thousands of operations, of a server
    told: dict = field(default_factory=dict)  # what the task says of itself, by the names of workload.hpp

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

    def run(self, task, peer, limit=PATIENCE):
        """Returns: a Run. Raises: Failure, if it did not end well within `limit` seconds."""
        source = self.folder / task.name
        if not source.exists():
            task.prepare(source)
        here = self.folder / "here"
        shutil.rmtree(here, ignore_errors=True)
        shutil.copytree(source, here)
        run = Run()
        for command in task.commands(here):
            self._step(task, peer, command, here, run, limit - run.wall)
        return run

    def _step(self, task, peer, command, here, run, limit):
        with (open(command.stdin or os.devnull, "rb") as stdin, open(self.folder / "out", "wb") as out,
              open(self.folder / "err", "wb") as err):
            begin = time.perf_counter()
            process = subprocess.Popen(self._stopwatch(task, peer, command), cwd=here, stdin=stdin, stdout=out, stderr=err,
                                       env={**os.environ, "HOME": str(here), "LC_ALL": "C"}, start_new_session=True)
            how, usage = attended(process, command, run, limit)
            run.wall += time.perf_counter() - begin
        if how:
            last = (self.folder / "err").read_text(errors="replace").strip().splitlines()[-1:]
            kind = Unfinished if how.startswith("was still running") else Failure
            raise kind(f"{task.name} on {peer.name} {how}: {shlex.join(words_of(command.argv))}"
                       + (f"; its last words: {last[0]}" if last else ""))
        run.user += usage.ru_utime
        run.system += usage.ru_stime
        self._note(run)

    # The stopwatch stands between this process and the program, which would inherit the peak of this one otherwise.
    def _stopwatch(self, task, peer, command):
        words = [f"{name}={value}" for name, value in {**peer.environment(task), **command.env}.items()]
        argv = ["time", "-o", str(self.folder / "notes"), "-f", "%M %R", "env", *words,
                *map(str, peer.wrapped(command.argv, self.folder))]
        if self.counting:
            argv = ["perf", "stat", "-x,", "-e", COUNTERS, "-o", str(self.folder / "counts"), *argv]
        return ["timeout", str(BACKSTOP), *argv] if isinstance(command, Service) else argv

    def _note(self, run):
        peak, faults = (self.folder / "notes").read_text().split()[-2:]
        run.peak = max(run.peak, int(peak) * 1024)
        run.faults += int(faults)
        for name, count in counts_of((self.folder / "counts").read_text() if self.counting else "").items():
            setattr(run, name, getattr(run, name) + count)
        beginning = (self.folder / "out").read_bytes()[:4000]  # heaptrack says something of its own before
        for line in beginning.splitlines():
            if line.startswith(b'{"operations"'):
                run.told |= json.loads(line)


def runs(process):
    """Leaves to others to learn how it ended."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None


def attended(process, command, run, limit):
    """Effects: waits for `process`, for `limit` seconds at most; uses it, if it serves.  Returns: how it ended, in words, or
    nothing if well; and what it used. Whatever happens, no process of its session is left."""
    expired = threading.Event()

    def end():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    def expire():
        expired.set()
        end()

    timer = threading.Timer(limit, expire)
    timer.start()
    how = ""
    try:
        if isinstance(command, Service):
            try:
                run.told |= command.attend(lambda: runs(process), limit)
                run.parts = command.operations / 1000
            except (NotServed, OSError) as reason:
                how = f"did not serve: {reason}"
                if isinstance(reason, NotUp):
                    end()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    finally:
        timer.cancel()
        end()  # also what it left behind, and all of it where somebody interrupts
    if expired.is_set():
        how = f"was still running after {limit:.0f} s"
    return how or (f"ended with exit status {process.returncode}" if process.returncode else ""), usage


@dataclass
class Outcome:
    """What came of it all."""

    runs: dict = field(default_factory=dict)      # by (task, peer), in the order of rounds
    failures: dict = field(default_factory=dict)  # by (task, peer): the Failure after which the pair was left out
    rounds: int = 0


def rounds_for(peer, rounds):
    """The small kitchen only shows where it stands; it is not raced."""
    return min(rounds, 2) if peer.small_kitchen else rounds


class Clock:
    """How much of the work is done, and how long the rest will take."""

    def __init__(self, total):
        self.begin, self.done, self.total = time.monotonic(), 0, total

    def elapsed(self):
        return time.monotonic() - self.begin

    def left(self):
        if not self.done:
            return ""
        seconds = int(self.elapsed() / self.done * (self.total - self.done))
        return f", {seconds // 60}:{seconds % 60:02} left"


def in_turns(tasks, peers, rounds, workshop, say, budget=float("inf")):
    """Returns: the Outcome. Allocators take turns, so that whatever else the machine does falls on all alike; and each round
    begins with another, since the first finds the caches colder, and every other one goes backwards, since each finds the
    machine's memory as the one before has left it. A round begins only if it will end within the budget, in
    seconds; the first begins whatever it says. A pair that failed is not tried again."""
    outcome = Outcome({(task.name, peer.name): [] for task in tasks for peer in peers})
    clock = Clock(len(tasks) * sum(rounds_for(peer, rounds) for peer in peers))
    longest = 0.
    while outcome.rounds < rounds and (not outcome.rounds or clock.elapsed() + longest <= budget):
        begin = clock.elapsed()
        number, turn = outcome.rounds, outcome.rounds % len(peers)
        order = [*peers[turn:], *peers[:turn]][::-1 if number % 2 else 1]
        racing = [peer for peer in order if number < rounds_for(peer, rounds)]
        for task in tasks:
            for peer in racing:
                say(f"round {number + 1} of {rounds}: {task.name} on {peer.name}{clock.left()}")
                once(task, peer, workshop, outcome)
                clock.done += 1
        outcome.rounds += 1
        longest = max(longest, clock.elapsed() - begin)
    return outcome


def once(task, peer, workshop, outcome):
    key = task.name, peer.name
    if key in outcome.failures:
        return
    try:
        outcome.runs[key].append(workshop.run(task, peer, LEISURE if peer.small_kitchen else PATIENCE))
    except Failure as failure:
        outcome.failures[key] = failure
        outcome.runs[key] = []
