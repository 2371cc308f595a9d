"""The result as text, and as one HTML page that needs nothing else."""

import html
import math


def shown(value):
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def text(section, peers, failures):
    """Yields: the lines of a table. Under each peer: its least figure and, in brackets, ours divided by it."""
    width = max(len(name) for name in section.table) + 2
    yield f"{section.title} ({section.unit}); in brackets: {peers[0].name} / it"
    yield "".ljust(width) + "".join(peer.name.rjust(18) for peer in peers)
    for name, row in section.table.items():
        cells = [f"{shown(row[peer.name]['least'] * section.scale)} ({row[peer.name]['ours_to_it']:.2f})"
                 if peer.name in row else absent(name, peer, failures) for peer in peers]
        yield name.ljust(width) + "".join(cell.rjust(18) for cell in cells)
    if len(section.table) > 1:
        yield "geometric mean".ljust(width) + "".join(
            (f"({section.mean[peer.name]:.2f})" if peer.name in section.mean else "-").rjust(18) for peer in peers)


def absent(task, peer, failures):
    """Returns: what stands where a figure would."""
    failure = failures.get((task, peer.name))
    return failure.outcome if failure else "-"


def left_out(failures):
    """Yields: what has no figure, and why. What only took too long is told in one sentence for each allocator."""
    late = {}
    for (task, peer), failure in failures.items():
        if failure.outcome == "did not finish":
            late.setdefault(peer, []).append(task)
        else:
            yield str(failure)
    for peer, tasks in late.items():
        yield f"did not finish within its time on {peer}: {', '.join(tasks)}"


# By day and by night.
COLOURS = 8
STYLE = """:root{color-scheme:light dark;--ink:#212529;--paper:#fff;--soft:#495057;--line:#dee2e6;--stripe:#f1f3f5;--good:#1f7a33;--bad:#c92a2a;
--c0:#0072b2;--c1:#495057;--c2:#d55e00;--c3:#009e73;--c4:#9c36b5;--c5:#c92a2a;--c6:#56b4e9;--c7:#b87900}
@media(prefers-color-scheme:dark){:root{--ink:#e4e4e4;--paper:#17191c;--soft:#a5a9ae;--line:#3b3f45;--stripe:#212428;--good:#69c97f;--bad:#ff8787;
--c0:#4c8fe0;--c1:#ced4da;--c2:#ee7a2b;--c3:#1fbf90;--c4:#d07fe6;--c5:#ff6b6b;--c6:#7cc7f5;--c7:#e6a520}}
body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:var(--ink);background:var(--paper)}
.wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}td,th{padding:.15rem .6rem;text-align:right}
td:first-child,th:first-child{text-align:left}tr:nth-child(even){background:var(--stripe)}.good{color:var(--good)}.bad{color:var(--bad)}
.targets td,.targets th{text-align:left}.targets td:nth-child(-n+2){min-width:9rem}
svg{width:100%;min-width:44rem;fill:var(--ink)}svg line{stroke:var(--line)}.note{color:var(--soft)}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;margin:.3rem 0}.legend i{display:inline-block;width:.7rem;height:.7rem;border-radius:50%;margin-right:.4rem}"""


def colour(number):
    return f"var(--c{number % COLOURS})"


def plot(table, peers):
    """A dot for each allocator in each row: its figure divided by the row's best, on a logarithmic axis. What is beyond its end stands there,
    and its figure beside it."""
    left, right, line = 190, 840, 22
    most = max(cell["to_best"] for row in table.values() for cell in row.values())
    top = max(2.0, min(most, 16.0))
    height = line * len(table) + 44

    def x(value):
        return left + (right - left) * math.log(min(max(value, 1.0), top)) / math.log(top)

    yield f'<div class=wide><svg viewBox="0 0 900 {height}" role="img" aria-label="each allocator to the best of its row">'
    yield f'<text x="{left - 10}" y="14" font-size="11" text-anchor="end">times the best of its row</text>'
    for tick in (1, 1.1, 1.25, 1.5, 2, 3, 4, 8, 16):
        if tick <= top:
            yield (f'<line x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="20" y2="{height - 18}"/>'
                   f'<text x="{x(tick):.1f}" y="14" font-size="11" text-anchor="middle">{tick}</text>')
    for number, (name, row) in enumerate(table.items()):
        y = 34 + number * line
        yield f'<text x="{left - 10}" y="{y + 4}" font-size="12" text-anchor="end">{html.escape(name)}</text>'
        for index, peer in reversed(list(enumerate(peers))):
            if peer.name in row:
                value = row[peer.name]["to_best"]
                yield (f'<circle cx="{x(value):.1f}" cy="{y}" r="{6 if peer is peers[0] else 4.5}" style="fill:{colour(index)}"'
                       f' fill-opacity=".85"><title>{html.escape(peer.title)}: {value:.2f} times the best</title></circle>')
        beyond = max(cell["to_best"] for cell in row.values())
        if beyond > top * 1.05:
            yield f'<text x="{right + 9}" y="{y + 4}" font-size="11">to {beyond:.0f}</text>'
    yield "</svg></div>"
    yield "<p class=legend>" + "".join(f'<span><i style="background:{colour(index)}"></i>{html.escape(peer.name)}</span>'
                                       for index, peer in enumerate(peers)) + "</p>"


def rows(section, peers, failures):
    table, scale = section.table, section.scale
    yield "<div class=wide><table><tr><th></th>" + "".join(f"<th>{html.escape(peer.title)}</th>" for peer in peers) + "</tr>"
    for name, row in table.items():
        cells = []
        for peer in peers:
            cell = row.get(peer.name)
            if cell is None:
                cells.append(f"<td>{absent(name, peer, failures)}</td>")
                continue
            low, high = cell["interval"]
            verdict = "good" if high < 1 else "bad" if low > 1 else ""
            cells.append(f'<td title="median {shown(cell["median"] * scale)}; ratio of medians {low:.2f} to {high:.2f}">'
                         f'{shown(cell["least"] * scale)} <span class="{verdict}">({cell["ours_to_it"]:.2f})</span></td>')
        yield f"<tr><td>{html.escape(name)}</td>{''.join(cells)}</tr>"
    yield "</table></div>"


def checked(verdicts):
    """Yields: the targets, what was reached, and whether that is enough."""
    yield "<h2>Targets</h2><div class=wide><table class=targets><tr><th>target</th><th>reached</th><th></th></tr>"
    for verdict in verdicts:
        mark = {"met": "good", "missed": "bad"}.get(verdict.word, "note")
        yield (f"<tr><td>{html.escape(verdict.target)}</td><td>{html.escape(verdict.reached)}</td>"
               f'<td class="{mark}">{verdict.word}</td></tr>')
    yield "</table></div>"


def page(result, sections, peers, verdicts, failures):
    """Returns: the page."""
    machine = result["machine"]
    lines = ["<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width,initial-scale=1'><title>Basalt beside other allocators</title>",
             f"<style>{STYLE}</style><h1>Basalt beside other allocators</h1>",
             f"<p>{html.escape(machine['processor'])}, {machine['cores']} cores, {html.escape(machine['system'])},"
             f" {result['date']}; {result['rounds']} rounds in turns, scale {result['scale']}. {html.escape(result['primary'])}</p>",
             "<p class=note>Each cell: the least figure and, in brackets, basalt's divided by it: below 1 basalt needs less."
             " Green or red where the 95 % interval of the ratio of medians does not contain 1. A target is met"
             " where the whole interval is within it, missed where all of it lies beyond, else open.</p>", *checked(verdicts)]
    for section in sections:
        lines += [f"<h2>{section.title}</h2>", *plot(section.table, peers),
                  "<p>Geometric mean, basalt / it: " + ", ".join(
                      f"{html.escape(peer.name)} {section.mean[peer.name]:.2f}" for peer in peers[1:] if peer.name in section.mean)
                  + f". Unit: {section.unit}.</p>", *rows(section, peers, failures)]
    if failures:
        lines += ["<h2>Left out</h2><ul>", *(f"<li>{html.escape(each)}</li>" for each in left_out(failures)), "</ul>"]
    return "\n".join(lines) + "</html>\n"
