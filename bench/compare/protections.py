"""The work behind `script/bench protections`: what do our protections cost, beside the same library without them?

One comparison of the engine, the engine without checks, and with guarded slots, the hardened library, that one without guarded slots,
and scudo. It is kept in bench/results/protections.json; docs/why/hardened.md shows what comes out."""

import argparse
import json
import sys
from pathlib import Path

from . import __main__ as comparison
from .document import BENCH, circumstances, renewed, table
from .figures import geometric_mean
from .tasks import GROUPS, all_tasks

RESULT = BENCH / "results" / "protections.json"
PAGE = BENCH.parent / "docs" / "why" / "hardened.md"

# What is asked, of whom, beside whom, of which figure, and what it may be at most.
QUESTIONS = (
    ("the checks of the engine, in time", "basalt", "unchecked", "Cost", 1.02),
    ("guarded slots on the engine, in time", "guarded", "basalt", "Cost", 1.01),
    ("guarded slots on the hardened library, in time", "hardened", "unguarded", "Cost", 1.01),
    ("the hardened library beside the engine, in time", "hardened", "basalt", "Cost", 1.35),
    ("the same, in peak memory", "hardened", "basalt", "Peak memory", 1.50),
    ("the hardened library beside scudo, in time", "hardened", "scudo", "Cost", 1.00),
    ("the same, in peak memory", "hardened", "scudo", "Peak memory", 1.00),
)


def peers_of(libraries):
    """Returns: the words by which a comparison has the peers that are asked about."""
    def peer(name, library, *options):
        return ["--allocator", ",".join([f"{name}={libraries / library}", *options])]

    return ["--against", "hardened", "scudo", "unchecked", "guarded", "unguarded", *peer("unchecked", "libbasalt-unchecked.so"),
            *peer("guarded", "libbasalt.so", "BASALT_GUARD=on"), *peer("unguarded", "libbasalt-hardened.so", "BASALT_GUARD=off")]


def quotients(rows, one, other, names, figure):
    """Returns: one / other, in each of the rows of these names that has both."""
    return [rows[name][one][figure] / rows[name][other][figure] for name in names if name in rows and {one, other} <= set(rows[name])]


def verdict(bound, least, median):
    """Returns: whether the bound is kept; of two figures that disagree nothing follows."""
    kept = [figure <= bound for figure in (least, median)]
    return "met" if all(kept) else "open" if any(kept) else "missed"


def lines_of(result, kinds):
    for words, one, other, title, bound in QUESTIONS:
        rows = result["summary"][title]
        for among, wanted in GROUPS.items():
            names = [name for name, kind in kinds.items() if kind in wanted]
            least, median = ([*quotients(rows, one, other, names, figure)] for figure in ("least", "median"))
            if least:
                means = geometric_mean(least), geometric_mean(median)
                yield [words, among, str(len(least)), f"{bound:.2f}", *(f"{mean:.3f}" for mean in means), verdict(bound, *means)]


def figures_of(result, kinds):
    head = f"{circumstances(result)}. {result['primary']} Geometric means of quotients: of the least of all rounds, and of their medians."
    return f"{head}\n\n{table(['what', 'of', 'rows', 'at most', 'least', 'median', ''], [*lines_of(result, kinds)])}"


def main(arguments):
    parser = argparse.ArgumentParser(prog="script/bench protections", add_help=False)
    parser.add_argument("--build", type=Path, required=True)
    options, others = parser.parse_known_args(arguments)
    build = options.build.resolve()
    whole = "--only" not in others
    status = comparison.main(["--build", str(build), *peers_of(build / "lib"), *(["--json", str(RESULT)] if whole else []), *others])
    if status == 0 and whole:
        result = json.loads(RESULT.read_text())
        kinds = {task.name: task.kind for task in all_tasks(build / "workloads", result["scale"])[0]}
        PAGE.write_text(renewed(PAGE.read_text(), figures_of(result, kinds)))
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
