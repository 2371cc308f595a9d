"""The table: one line a program, one group of columns a question."""

import os
import shutil
import statistics

MIB = 1 << 20


class Page:
    """Where the table is printed: how wide it is, and what it can show."""

    def __init__(self, stream):
        self.stream = stream
        self.lively = stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self.colour = self.lively and not os.environ.get("NO_COLOR")
        self.width = shutil.get_terminal_size().columns if self.lively else 0

    def paint(self, text, code):
        return f"\033[{code}m{text}\033[0m" if self.colour and text else text


class Table:
    """Columns that know their width, under headings that may span several."""

    def __init__(self):
        self.columns = []  # (group, heading, cells)

    def add(self, group, heading, cells):
        self.columns.append((group, heading, cells))

    def lines(self):
        widths = [max(map(len, [heading, *cells])) for _, heading, cells in self.columns]
        self._widen_for_groups(widths)
        yield self._groups(widths)
        rows = zip(*([heading, *cells] for _, heading, cells in self.columns))
        for row in rows:
            yield "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:]))])

    def _spans(self, widths):
        """Yields: each group with the indices of its columns and the width that they have together."""
        start = 0
        for end in range(1, len(self.columns) + 1):
            if end == len(self.columns) or self.columns[end][0] != self.columns[start][0]:
                yield self.columns[start][0], start, sum(widths[start:end]) + 2 * (end - start - 1)
                start = end

    def _widen_for_groups(self, widths):
        for group, start, width in list(self._spans(widths)):
            widths[start] += max(0, len(group) - width)

    def _groups(self, widths):
        return "  ".join(group.center(width) for group, _, width in self._spans(widths)).rstrip()


def table_of(programs, allocators, runs):
    """`runs[program name, allocator name]` are the rounds of one program on one allocator."""
    table = Table()
    base, rest = allocators[0], allocators[1:]

    def of(program, allocator):
        return runs[program.name, allocator.name]

    def seconds(program, allocator):
        return [run.seconds for run in of(program, allocator)]

    table.add("", "program", [program.name for program in programs])
    for allocator in allocators:
        table.add("wall time (s): least (median)", allocator.name,
                  [f"{min(times):.2f} ({statistics.median(times):.2f})"
                   for times in (seconds(program, allocator) for program in programs)])
    for allocator in rest:
        heading = "ratio" if len(rest) == 1 else f"/{allocator.name}"
        table.add("wall time (s): least (median)", heading,
                  [f"{min(seconds(p, allocator)) / min(seconds(p, base)):.1f}" for p in programs])
    for allocator in allocators:
        table.add("peak memory (MiB)", allocator.name,
                  [f"{max(run.peak_bytes for run in of(p, allocator)) / MIB:.1f}" for p in programs])
    for allocator in allocators:
        if not allocator.reports:
            continue
        heaps = [of(program, allocator)[-1].heap for program in programs]
        if not any(heap.allocations for heap in heaps):
            continue  # it counts nothing on the way, and has no list
        group = f"the heaps of {allocator.name}"
        table.add(group, "allocations", [f"{heap.allocations:,}" for heap in heaps])
        table.add(group, "list: peak", [f"{heap.peak_free_blocks:,}" for heap in heaps])
        table.add(group, "at exit", [f"{heap.free_blocks:,}" for heap in heaps])
        table.add(group, "fragmentation", [f"{heap.fragmentation:.2f}" for heap in heaps])
    return table


def bars(programs, allocators, runs, page, room):
    """Yields: for each program one bar of wall time. Where the bar of a quicker allocator ends, the next one shows."""
    shades, colours = "█▓▒░", [36, 33, 35, 32]
    least = {key: min(run.seconds for run in rounds) for key, rounds in runs.items()}
    longest = max(least.values())
    order = {allocator.name: index for index, allocator in enumerate(allocators)}
    for program in programs:
        bar, drawn = "", 0
        for name in sorted(order, key=lambda one: least[program.name, one]):
            end = max(1, round(room * least[program.name, name] / longest))
            index = min(order[name], len(shades) - 1)
            bar += page.paint(shades[index] * max(0, end - drawn), colours[index])
            drawn = max(drawn, end)
        yield bar


NOTES = """\
ratio: of the least times. Peak memory: the largest resident set of any of the program's processes. list: how many free
blocks there were, at most and at exit; fragmentation, at exit: 1 - largest free block / free bytes. List and
fragmentation are those of the process that allocated most.

basalt is the engine, the allocator to ship. The small kitchen is the one to read, and slow by design: all free memory of
a process is on one list, sorted by address. Each malloc walks it from its head until a block fits, each free until it
comes to its place, under one lock. A call costs as much as the list is long, and nearly all of that is waiting for
memory: where the next block is, only this one knows."""


def print_report(programs, allocators, runs, page):
    lines = list(table_of(programs, allocators, runs).lines())
    room = page.width - max(map(len, lines)) - 3
    pictures = ["", "", *[""] * len(programs)]
    if room >= 12 and (page.stream.encoding or "").lower().startswith("utf"):
        legend = ", ".join(f"{shade} {allocator.name}" for shade, allocator in zip("█▓▒░", allocators))
        pictures = ["", f"wall time: {legend}"[:room], *bars(programs, allocators, runs, page, room)]
    width = max(map(len, lines))
    for number, (line, picture) in enumerate(zip(lines, pictures)):
        text = line.ljust(width) if picture else line.rstrip()
        print(page.paint(text, 1) if number < 2 else text, picture, sep="  " if picture else "", file=page.stream)
    print("\n" + NOTES, file=page.stream)
