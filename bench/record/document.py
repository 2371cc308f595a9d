"""The figures of docs/why/recording.md, from those of the last complete run: python3 -m record.document renews them."""

import json

from compare.document import BENCH, circumstances, renewed, table

RESULT = BENCH / "results" / "record.json"
PAGE = BENCH.parent / "docs" / "why" / "recording.md"
RECORDED = ("no stacks", "stacks", "all", "heaptrack")


def ratio(row, way, figure):
    """Returns: what it needs, relative to the program on the engine; heaptrack's, to the program as it is."""
    base = "bare" if way == "heaptrack" else "basalt"
    return row[way][figure]["least"] / row[base][figure]["least"] if way in row and base in row else None


def shown(value, form):
    return "-" if value is None else format(value, form)


def events_of(row):
    return next((row[way]["events"] for way in RECORDED if way in row and "events" in row[way]), None)


def per_event(row, way):
    events = row[way].get("events") or events_of(row) if way in row else None
    return row[way]["trace_bytes"] / events if events else None


def added_ns(row, way):
    """Returns: nanoseconds of processor that an event adds, in the program and in the recorder together."""
    base = "bare" if way == "heaptrack" else "basalt"
    events = events_of(row)
    if way not in row or base not in row or not events:
        return None
    return (row[way]["cpu"]["least"] - row[base]["cpu"]["least"]) * row[way]["parts"] * 1e9 / events


def program_rows(figures):
    for name, row in figures.items():
        if "burst_ns" in row.get("bare", {}):
            continue
        yield [name, f"{(events_of(row) or 0) / 1e6:.2f}", *(f"{row[way]['wall']['least']:.2f}" if way in row else "-"
                                                             for way in ("bare", "basalt")),
               *(shown(ratio(row, way, "wall"), ".2f") for way in RECORDED)]


def cost_rows(figures):
    for name, row in figures.items():
        if "burst_ns" in row.get("bare", {}):
            continue
        yield [name, *(shown(ratio(row, way, "cpu"), ".2f") for way in RECORDED),
               *(shown(added_ns(row, way), ".0f") for way in RECORDED)]


def size_rows(figures):
    for name, row in figures.items():
        yield [name, *(shown(per_event(row, way), ".2f") + ("" if row.get(way, {}).get("whole", True) else " (cut)")
                       for way in RECORDED)]


def loop_rows(row):
    for name, figure in (("burst that fits into the ring", "burst_ns"), ("as long as one likes", "long_ns")):
        yield [name, *(f"{row[way][figure]['least']:.1f}" if figure in row.get(way, {}) else "-" for way in ("bare", "basalt", *RECORDED))]


def added_wall_ns(row, way):
    """Returns: by how many nanoseconds an event makes the program longer, on its clock, than it is on the engine."""
    events = events_of(row)
    if way not in row or "basalt" not in row or not events:
        return None
    return (row[way]["wall"]["least"] - row["basalt"]["wall"]["least"]) * 1e9 / events


def target_rows(figures):
    """Each figure that was aimed at, beside what was reached: no row is left out because it was missed."""
    def verdict(name, most, reached, form):
        return [name, f"≤ {most}", format(reached, form), "met" if reached <= most else "**missed**"]

    for name, row in figures.items():
        is_loop = "burst_ns" in row.get("bare", {})
        for way, head, most in (("no stacks", "without stacks", 30), ("stacks", "with stacks", 80)):
            if way in row and is_loop:
                for part, figure in (("burst", "burst_ns"), ("as long as one likes", "long_ns")):
                    yield verdict(f"{name}, {part}, {head}: ns an event", most, row[way][figure]["least"], ".1f")
            elif added_wall_ns(row, way) is not None:
                yield verdict(f"{name}, {head}: ns that an event adds", most, added_wall_ns(row, way), ".0f")
        for way, head, most in (("stacks", "with stacks", 1.0), ("all", "with stacks, times and pointers", 2.5)):
            if per_event(row, way) is not None:
                yield verdict(f"{name}, {head}: bytes an event", most, per_event(row, way), ".2f")
    if "g++" in figures and ratio(figures["g++"], "stacks", "wall") is not None:
        yield verdict("g++, with stacks: wall time, relative to Basalt", 1.25, ratio(figures["g++"], "stacks", "wall"), ".2f")


def figures_of(result):
    """Returns: what stands between the marks."""
    figures = result["figures"]
    heads = ["without stacks", "with stacks", "with stacks, times and pointers", "heaptrack"]
    parts = [f"{circumstances(result)}; heaptrack {result['heaptrack'] or 'is not there'}. The least of all rounds; the load"
             f" when it began was {result['load']:.1f}. Medians are in bench/results/record.json."]
    loop = next((row for row in figures.values() if "burst_ns" in row.get("bare", {})), None)
    if loop:
        parts += ["Nanoseconds an event, in a loop of free and malloc of random sizes at the end of 20 calls (bench/record/calls.cpp):",
                  table(["", "bare", "Basalt", *heads], [*loop_rows(loop)])]
    parts += ["Wall time: seconds bare and on Basalt; recorded, relative to Basalt; heaptrack, relative to bare.",
              table(["", "million events", "bare", "Basalt", *heads], [*program_rows(figures)]),
              "Processor time of the program and the recorder together: relative as above, and the nanoseconds that it is more for each event.",
              table(["", *heads, *(f"ns, {head}" for head in heads)], [*cost_rows(figures)]),
              "Bytes of the trace for each event:", table(["", *heads], [*size_rows(figures)]),
              "What was aimed at, and what was reached. Nanoseconds that an event adds are wall time over the program on Basalt:",
              table(["", "target", "reached", "met or missed"], [*target_rows(figures)])]
    return "\n\n".join(parts)


def renew():
    """Effects: the page shows what bench/results/record.json says."""
    PAGE.write_text(renewed(PAGE.read_text(), figures_of(json.loads(RESULT.read_text()))))


if __name__ == "__main__":
    renew()
