"""What we aim at, held against what was reached. A target is met where the whole bootstrap interval is within it, missed where
the whole interval lies beyond it, and open where it is neither."""

from dataclasses import dataclass

from .figures import (bootstrap, cost, faults_each, geometric_mean, median, milliseconds_each, peak, quotient,
                      resident_to_live, told)

FLAT = 1.10      # what we take for flat: a thread with another beside it needs at most a tenth longer
COLLAPSE = 1.50  # with 64 threads, an operation needs more than half as long again as with 2


@dataclass(frozen=True)
class Estimate:
    """A figure made of medians, and where it lies in 95 of 100 bootstrap samples."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, columns, statistic):
        return cls(statistic([median(column) for column in columns]), *bootstrap(columns, statistic))

    def __str__(self):
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


WORDS = ("met", "open", "missed", "not measured")


@dataclass(frozen=True)
class Verdict:
    target: str
    reached: str
    word: str = "not measured"


def verdict_word(estimates, bound):
    if any(estimate.low > bound for estimate in estimates):
        return "missed"
    return "met" if all(estimate.high <= bound for estimate in estimates) else "open"


class Evidence:
    """The runs, as targets ask of them."""

    def __init__(self, tasks, peers, runs):
        self.tasks, self.runs = tasks, runs
        self.ours = peers[0].name
        self.rivals = [peer.name for peer in peers[1:] if peer.rival]

    def rows(self, *kinds):
        return [task.name for task in self.tasks if task.kind in kinds and not task.own_figure]

    def column(self, row, peer, figure):
        """Returns: the figures of all rounds, or nothing where the peer has not got through."""
        column = [figure(run) for run in self.runs.get((row, peer), [])]
        return column if column and None not in column else None

    def columns(self, row, peers, figure):
        found = {peer: self.column(row, peer, figure) for peer in peers}
        return {peer: column for peer, column in found.items() if column}

    def ratio(self, row, peer, figure):
        return Estimate.of([self.column(row, self.ours, figure), self.column(row, peer, figure)], quotient)

    def to_best(self, rows, peers, figure):
        """Returns: (our ratio to the best of the peers, row, that peer) for each row, the highest first."""
        found = []
        for row in rows:
            columns = self.columns(row, peers, figure)
            if columns and self.column(row, self.ours, figure):
                best = min(columns, key=lambda peer: median(columns[peer]))
                found.append((self.ratio(row, best, figure), row, best))
        return sorted(found, key=lambda each: -each[0].value)

    def mean(self, rows, peer, figure):
        """Returns: the geometric mean of our ratios to this peer, over the rows that both have, or nothing."""
        shared = [row for row in rows if self.column(row, self.ours, figure) and self.column(row, peer, figure)]
        if not shared:
            return None
        columns = [self.column(row, name, figure) for name in (self.ours, peer) for row in shared]
        half = len(shared)
        return Estimate.of(columns, lambda medians: geometric_mean([*map(quotient, zip(medians[:half], medians[half:]))]))

    def means(self, rows, peers, figure):
        """Returns: (our mean ratio to it, peer), the highest first: that is the strongest."""
        found = [(self.mean(rows, peer, figure), peer) for peer in peers]
        return sorted((each for each in found if each[0]), key=lambda each: -each[0].value)


# ---- The shapes that targets have.

def no_row_above(target, bound, found):
    """`found` as by Evidence.to_best."""
    if not found:
        return Verdict(target, "-")
    worst, row, peer = found[0]
    above = [name for estimate, name, _ in found if estimate.low > bound]
    tail = f"; above in {len(above)} of {len(found)}: {', '.join(above)}" if above else ""
    return Verdict(target, f"{worst} × {peer} at {row}{tail}", verdict_word([estimate for estimate, _, _ in found], bound))


def mean_at_most(target, bound, found):
    """`found` as by Evidence.means, of which the first counts."""
    if not found:
        return Verdict(target, "-")
    estimate, peer = found[0]
    return Verdict(target, f"{estimate} × {peer}", verdict_word([estimate], bound))


def at_most(target, bound, columns, statistic, unit=""):
    if not all(columns):
        return Verdict(target, "-")
    estimate = Estimate.of(columns, statistic)
    return Verdict(target, f"{estimate}{unit}", verdict_word([estimate], bound))


# ---- The targets.

def of_cost(see):
    workloads, programs = see.rows("workload"), see.rows("program")
    yield mean_at_most("workloads, cost: mean at most 0.85 × the best peer", 0.85, see.means(workloads, see.rivals, cost))
    yield no_row_above("workloads, cost: no row above 1.05 × its best peer", 1.05, see.to_best(workloads, see.rivals, cost))
    yield no_row_above("programs, cost: no row above 1.01 × its best peer", 1.01, see.to_best(programs, see.rivals, cost))
    yield mean_at_most("programs, cost: mean below every peer", 1.0, see.means(programs, see.rivals, cost))


def of_memory(see):
    rows = see.rows("workload", "program")
    for peer, bound in ("mimalloc", 0.90), ("glibc", 1.00), ("jemalloc", 1.00):
        yield mean_at_most(f"peak memory: mean at most {bound:.2f} × {peer}", bound, see.means(rows, [peer], peak))
    lean = [peer for peer in see.rivals if peer in ("mimalloc", "jemalloc", "tcmalloc", "glibc")]
    yield no_row_above("peak memory: no row above 1.15 × the leanest of mimalloc, jemalloc, tcmalloc, glibc", 1.15,
                       see.to_best(rows, lean, peak))
    yield at_most("phases: resident at most 1.25 × live", 1.25, [see.column("phases", see.ours, resident_to_live)], sum)
    yield no_row_above("phases: peak memory at most the leanest peer's", 1.0, see.to_best(["phases"], see.rivals, peak))
    for row in "free_only", "asymmetric":
        yield at_most(f"{row}: resident at most 1.30 × live", 1.30, [see.column(row, see.ours, resident_to_live)], sum)


def of_start(see):
    loaded = [peer for peer in see.rivals if peer != "glibc"]
    for what, figure, bound in ("page faults", faults_each, 25), ("ms of processor time", milliseconds_each, 0.5):
        columns = [see.column("process_start", peer, figure) for peer in (see.ours, "glibc")]
        yield at_most(f"a short process: at most {bound} {what} more than with glibc", bound, columns,
                      lambda medians: medians[0] - medians[1], f" {what} more")
        yield no_row_above(f"a short process: fewer {what} than with any peer that is preloaded", 1.0,
                           see.to_best(["process_start"], loaded, figure))


def of_scaling(see):
    time = told("thread_ns")
    for fewer, more, bound, words in ((1, 2, FLAT, "a thread beside another needs at most {} × its time alone"),
                                      (2, 64, COLLAPSE, "with 64 threads an operation needs at most {} × its time with 2")):
        def growth(peer, fewer=fewer, more=more):
            return [see.column(f"scaling_{threads}", peer, time) for threads in (more, fewer)]

        verdict = at_most("scaling: " + words.format(f"{bound:.2f}"), bound, growth(see.ours), quotient)
        others = {peer: quotient([*map(median, growth(peer))]) for peer in see.rivals if all(growth(peer))}
        note = "; peers: " + ", ".join(f"{peer} {value:.2f}" for peer, value in others.items()) if others else ""
        yield Verdict(verdict.target, verdict.reached + note, verdict.word)


def of_tail(see):
    rows = [task.name for task in see.tasks if task.question_name == "tail"]
    for call in "malloc", "free":
        yield no_row_above(f"tail: the slowest of 10,000 calls of {call} at most the best peer's", 1.0,
                           see.to_best(rows, see.rivals, told(f"{call}_p9999_ns")))


def verdicts(tasks, peers, runs):
    see = Evidence(tasks, peers, runs)
    return [verdict for group in (of_cost, of_memory, of_start, of_scaling, of_tail) for verdict in group(see)]


def lines(found, counting):
    """Yields: the verdicts as text."""
    yield "Targets; cost is " + ("cycles" if counting else "processor time, since this machine counts no cycles")
    for verdict in found:
        yield f"  {verdict.word:13} {verdict.target}"
        yield f"  {'':13} {verdict.reached}"
    yield "  " + ", ".join(f"{sum(verdict.word == word for verdict in found)} {word}" for word in WORDS)
