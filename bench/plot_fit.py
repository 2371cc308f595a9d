#!/usr/bin/env python3
"""Draws bench/results/fit.csv as docs/why/fit.svg: two rows of bars, time and fragmentation, one group per workload."""

import csv
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
COLOURS = {'first': '#4269d0', 'next': '#efb118', 'best': '#3ca951'}
PANELS = (('ns_per_step', 'time per step, in ns'), ('fragmentation', 'memory grown, in peaks of live memory'))
LEFT, BAR, GROUP, HIGH, GAP = 60, 22, 90, 150, 70


def text(x, y, words, anchor='middle', more=''):
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" {more}>{words}</text>'


def panel(rows, workloads, top, field, title):
    most = max(float(row[field]) for row in rows)
    yield text(LEFT, top - 14, title, 'start', 'font-weight="bold"')
    for at, workload in enumerate(workloads):
        left = LEFT + at * GROUP
        for bar, row in enumerate(row for row in rows if row['workload'] == workload):
            value = float(row[field])
            height = HIGH * value / most
            x, y = left + bar * (BAR + 2), top + HIGH - height
            yield f'<rect x="{x}" y="{y:.1f}" width="{BAR}" height="{height:.1f}" fill="{COLOURS[row["fit"]]}"/>'
            shown = f'{value:.0f}' if value >= 10 else f'{value:.2f}'
            yield text(x + BAR / 2, f'{y - 3:.1f}', shown, more='font-size="9"')
        yield text(left + 1.5 * BAR, top + HIGH + 16, workload)


def main():
    source = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / 'bench/results/fit.csv'
    lines = source.read_text().splitlines()
    rows = list(csv.DictReader(line for line in lines if not line.startswith('#')))
    workloads = list(dict.fromkeys(row['workload'] for row in rows))
    width, height = LEFT + GROUP * len(workloads), 60 + len(PANELS) * (HIGH + GAP)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
           'font-size="12">', f'<rect width="{width}" height="{height}" fill="white"/>']
    for at, (name, colour) in enumerate(COLOURS.items()):
        out.append(f'<rect x="{LEFT + at * 90}" y="8" width="12" height="12" fill="{colour}"/>')
        out.append(text(LEFT + at * 90 + 18, 18, name + ' fit', 'start'))
    for at, (field, title) in enumerate(PANELS):
        out += panel(rows, workloads, 70 + at * (HIGH + GAP), field, title)
    out.append(text(LEFT, height - 8, lines[0].lstrip('# '), 'start', 'font-size="10" fill="#555"'))
    (ROOT / 'docs/why/fit.svg').write_text('\n'.join(out) + '\n</svg>\n')


main()
