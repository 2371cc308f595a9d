"""What the runs come to: least, median, ratios with their uncertainty, and means of ratios."""

import math
import random
import statistics

RESAMPLES = 500


def cost(run):
    """The primary figure: cycles where they are counted, else processor time; user and kernel, over all threads."""
    return run.cycles or run.cpu


def ratio(ours, theirs, figure):
    """Returns: the ratio of the least figures."""
    below = min(map(figure, theirs))
    return min(map(figure, ours)) / below if below else 1.0


def interval(ours, theirs, figure, seed=1):
    """Returns: where the ratio of the medians lies in 95 of 100 bootstrap samples. Rounds are drawn as pairs, since what
    disturbs one allocator in a round disturbs the others too."""
    dice = random.Random(seed)
    pairs = list(zip(map(figure, ours), map(figure, theirs)))
    drawn = []
    for _ in range(RESAMPLES):
        sample = [dice.choice(pairs) for _ in pairs]
        below = statistics.median(pair[1] for pair in sample)
        drawn.append(statistics.median(pair[0] for pair in sample) / below if below else 1.0)
    drawn.sort()
    return drawn[int(RESAMPLES * 0.025)], drawn[int(RESAMPLES * 0.975) - 1]


def geometric_mean(values):
    values = [value for value in values if value > 0]
    return math.exp(sum(map(math.log, values)) / len(values)) if values else 1.0


def peak(run):
    return run.peak


def summary(tasks, peers, runs, figure):
    """Returns: for each task, for each peer that ran it: least, median, ours / its, the interval, and its / the best."""
    table = {}
    for task in tasks:
        row = {peer.name: runs[task.name, peer.name] for peer in peers if runs.get((task.name, peer.name))}
        ours = row[peers[0].name]
        best = min(min(map(figure, each)) for each in row.values())
        table[task.name] = {
            name: {
                "least": min(map(figure, each)), "median": statistics.median(map(figure, each)),
                "ours_to_it": ratio(ours, each, figure), "interval": interval(ours, each, figure),
                "to_best": min(map(figure, each)) / best if best else 1.0,
            } for name, each in row.items()}
    return table


def means(table, peers):
    """Returns: for each peer the geometric mean of ours / its over the rows that it has."""
    return {peer.name: geometric_mean([row[peer.name]["ours_to_it"] for row in table.values() if peer.name in row])
            for peer in peers}
