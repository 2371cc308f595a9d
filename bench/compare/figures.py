"""What the runs come to: least, median, ratios with their uncertainty, and means of ratios."""

import math
import random
import statistics
from dataclasses import dataclass
from typing import Callable

RESAMPLES = 500


# ---- Figures of one run: None where it has none.

def cost(run):
    """The primary figure: cycles where they are counted, else processor time; user and kernel, over all threads."""
    return (run.cycles or run.cpu) / run.parts


def peak(run):
    return run.peak


def told(name):
    """Returns: the figure that a task tells of itself by this name."""
    return lambda run: run.told.get(name) or None


def faults_each(run):
    return run.faults / run.told["operations"]


def milliseconds_each(run):
    return 1e3 * run.cpu / run.told["operations"]


def resident_to_live(run):
    return run.told["live_resident_bytes"] / run.told["live_bytes"]


# ---- Of several.

def median(values):
    return statistics.median(values)


def geometric_mean(values):
    values = [value for value in values if value > 0]
    return math.exp(sum(map(math.log, values)) / len(values)) if values else 1.0


def quotient(medians):
    above, below = medians
    return above / below if below else 1.0


def bootstrap(columns, statistic, seed=1):
    """Returns: where `statistic`, of the medians of all columns, lies in 95 of 100 samples. A column has a figure for each
    round. Rounds are drawn across all columns at once, since what disturbs one allocator in a round disturbs the others."""
    dice = random.Random(seed)
    rounds = range(min(map(len, columns)))
    drawn = []
    for _ in range(RESAMPLES if len(rounds) > 1 else 1):
        sample = [dice.choice(rounds) for _ in rounds]
        drawn.append(statistic([median([column[i] for i in sample]) for column in columns]))
    drawn.sort()
    return drawn[int(len(drawn) * 0.025)], drawn[max(int(len(drawn) * 0.975) - 1, 0)]


def interval(ours, theirs, figure):
    """Returns: the interval of the ratio of the medians."""
    return bootstrap([[figure(run) for run in ours], [figure(run) for run in theirs]], quotient)


def ratio(ours, theirs, figure):
    """Returns: the ratio of the least figures."""
    return quotient([min(map(figure, ours)), min(map(figure, theirs))])


def summary(tasks, peers, runs, figure):
    """Returns: for each task, for each peer that has the figure: least, median, ours / its, the interval, its / the best.
    A task of which we have no figure ourselves is left out."""
    table = {}
    for task in tasks:
        row = {}
        for peer in peers:
            its = runs.get((task.name, peer.name))
            if its and all(figure(run) is not None for run in its):
                row[peer.name] = its
        ours = row.get(peers[0].name)
        if ours is None:
            continue
        best = min(min(map(figure, row[peer.name])) for peer in peers if peer.name in row and peer.rival)
        table[task.name] = {
            name: {
                "least": min(map(figure, each)), "median": median(map(figure, each)),
                "ours_to_it": ratio(ours, each, figure), "interval": interval(ours, each, figure),
                "to_best": min(map(figure, each)) / best if best else 1.0,
            } for name, each in row.items()}
    return table


def means(table, peers):
    """Returns: for each peer that has any row the geometric mean of ours / its over these."""
    found = {peer.name: [row[peer.name]["ours_to_it"] for row in table.values() if peer.name in row] for peer in peers}
    return {name: geometric_mean(ratios) for name, ratios in found.items() if ratios}


@dataclass(frozen=True)
class Section:
    """A table: one figure of some tasks, for every allocator. The less the better, in all of them."""

    title: str
    unit: str
    scale: float  # of the figure, to the unit
    figure: Callable
    suits: Callable = lambda task: not task.own_figure
    table: dict = None
    mean: dict = None


MIB = 2**-20


def sections(tasks, peers, runs, counting):
    """Returns: the tables that have a row."""
    filled = []
    for one in layout(counting):
        table = summary([task for task in tasks if one.suits(task)], peers, runs, one.figure)
        if table:
            filled.append(Section(one.title, one.unit, one.scale, one.figure, one.suits, table, means(table, peers)))
    return filled


def layout(counting):
    unit, scale = ("millions of cycles", 1e-6) if counting else ("milliseconds of processor time", 1e3)

    def only(name):
        return lambda task: task.question_name == name

    return [
        Section("Cost", f"{unit}; of servers, for a thousand operations", scale, cost),
        Section("Peak memory", "MiB resident", MIB, peak),
        Section("Memory at the end", "MiB resident", MIB, told("resident_bytes")),
        Section("Memory while blocks are held", "resident bytes for each byte held", 1, resident_to_live,
                lambda task: task.question_name in ("phases", "free_only", "asymmetric")),
        Section("Slow mallocs", "nanoseconds that 1 of 10,000 exceeds", 1, told("malloc_p9999_ns"), only("tail")),
        Section("Slow frees", "nanoseconds that 1 of 10,000 exceeds", 1, told("free_p9999_ns"), only("tail")),
        Section("Scaling", "nanoseconds for an operation, of each thread that can run", 1, told("thread_ns"), only("scaling")),
        Section("Start: page faults", "of a short process", 1, faults_each, only("process_start")),
        Section("Start: time", "milliseconds of processor time of a short process", 1, milliseconds_each, only("process_start")),
    ]
