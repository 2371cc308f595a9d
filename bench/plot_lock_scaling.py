#!/usr/bin/env python3
"""Draws bench/results/lock_scaling.csv as docs/why/lock-scaling.svg: one panel per list, one line per heap."""
import csv
import math
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
COLOURS = {"spin lock": "#b3401f", "mutex": "#1f6fb3", "lock-free": "#2f8f4e"}
TITLES = {"short": "short list", "long": "500 free blocks in front"}
WIDTH, HEIGHT, PANEL, LEFT, TOP, BOTTOM = 760, 340, 300, 60, 60, 50


def read(path):
    lines = path.read_text().splitlines()
    head = [line[1:].strip() for line in lines if line.startswith("#")]
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    return " ".join(head), rows


def ticks(low, high):
    found = [m * 10**e for e in range(1, 7) for m in (1, 2, 5)]
    return [t for t in found if low <= t <= high]


def panel(rows, name, left):
    mine = [row for row in rows if row["list"] == name]
    figures = [float(row[key]) for row in mine for key in ("min_ns", "median_ns")]
    low, high = min(figures) * 0.8, max(figures) * 1.25
    threads = sorted({int(row["threads"]) for row in mine})
    height = HEIGHT - TOP - BOTTOM

    def x(count):
        return left + math.log2(count) / math.log2(threads[-1]) * (PANEL - 30)

    def y(figure):
        return TOP + height * (1 - math.log(figure / low) / math.log(high / low))

    out = [f'<text x="{left}" y="{TOP - 12}" font-weight="bold">{TITLES[name]}</text>']
    for tick in ticks(low, high):
        out.append(f'<line x1="{left}" x2="{left + PANEL - 30}" y1="{y(tick):.1f}" y2="{y(tick):.1f}" stroke="#ddd"/>')
        out.append(f'<text x="{left - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick}</text>')
    for count in threads:
        out.append(f'<text x="{x(count):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{count}</text>')
    for heap, colour in COLOURS.items():
        line = [row for row in mine if row["heap"] == heap]
        for key, style in (("median_ns", ""), ("min_ns", ' stroke-dasharray="3 3"')):
            points = " ".join(f'{x(int(row["threads"])):.1f},{y(float(row[key])):.1f}' for row in line)
            out.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"{style}/>')
    return out


def draw(source, target):
    head, rows = read(source)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        '<text x="12" y="20">nanoseconds of wall time per step of all threads together, against threads; '
        "less is better (line: median, dots: minimum)</text>",
    ]
    out += panel(rows, "short", LEFT) + panel(rows, "long", LEFT + PANEL + 60)
    for i, (heap, colour) in enumerate(COLOURS.items()):
        out.append(f'<text x="{LEFT + 110 * i}" y="{HEIGHT - 8}" fill="{colour}" font-weight="bold">{heap}</text>')
    out.append(f'<text x="{WIDTH - 12}" y="{HEIGHT - 8}" text-anchor="end" font-size="9" fill="#666">{head}</text>')
    out.append("</svg>")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("\n".join(out) + "\n")


if __name__ == "__main__":
    draw(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "bench/results/lock_scaling.csv",
         ROOT / "docs/why/lock-scaling.svg")
