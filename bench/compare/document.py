"""The figures of docs/results.md, from those of the last complete comparison: python3 -m compare.document renews them."""

import json
from pathlib import Path

BENCH = Path(__file__).resolve().parents[1]
RESULT = BENCH / "results" / "compare.json"
PAGE = BENCH.parent / "docs" / "results.md"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
NOISE = 1.05  # a row counts as lost from here on


def table(heads, rows):
    """Returns: the table, or a sentence where it would be empty."""
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)] + [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines) if rows else "None."


def losses(rows, ours):
    """Yields: each row in which another is better by more than noise, the worst first: row, ours / the best, the best."""
    found = []
    for name, row in rows.items():
        best = next(peer for peer in row if row[peer]["to_best"] == 1)  # what is no rival may be below
        if ours in row and row[ours]["to_best"] > NOISE:
            found.append((row[ours]["to_best"], name, best))
    for ratio, name, best in sorted(found, reverse=True):
        yield [name, f"{ratio:.2f}", best]


def means(result, ours):
    peers = [peer for peer in result["allocators"] if peer != ours]
    rows = [[title] + [f"{mean[peer]:.2f}" if peer in mean else "-" for peer in peers]
            for title, mean in result["means"].items()]
    return table([f"{ours} / it", *peers], rows)


def circumstances(result):
    """Returns: where, when and how it was measured."""
    machine = result["machine"]
    return (f"{machine['processor']}, {machine['cores']} cores, {machine['system']}, {result['date']}; {result['rounds']} rounds in turns,"
            f" scale {result['scale']:g}")


def figures_of(result):
    """Returns: what stands between the marks."""
    ours = next(iter(result["allocators"]))
    parts = [f"{circumstances(result)}. {result['primary']} "
             + ", ".join(f"{name} {version}" for name, version in result["allocators"].items() if version) + ".",
             "### Targets", table(["", "target", "reached (95 % interval)"],
                                  [[each["word"], each["target"], each["reached"]] for each in result["targets"]]),
             "### Geometric means: below 1, Basalt needs less", means(result, ours)]
    for title, rows in result["summary"].items():
        parts += [f"### {title}: where another is better", table(["row", f"{ours} / best", "best"], [*losses(rows, ours)])]
    return "\n\n".join(parts)


def renewed(page, figures):
    before, rest = page.split(BEGIN, 1)
    return f"{before}{BEGIN}\n\n{figures}\n\n{END}{rest.split(END, 1)[1]}"


def renew():
    """Effects: docs/results.md shows what bench/results/compare.json says."""
    PAGE.write_text(renewed(PAGE.read_text(), figures_of(json.loads(RESULT.read_text()))))


if __name__ == "__main__":
    renew()
