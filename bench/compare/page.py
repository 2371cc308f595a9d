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


COLOURS = ["#0b7285", "#495057", "#e8590c", "#2f9e44", "#9c36b5", "#c92a2a", "#1864ab", "#f08c00"]
STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#212529}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}td,th{padding:.15rem .6rem;text-align:right}
td:first-child,th:first-child{text-align:left}tr:nth-child(even){background:#f1f3f5}.good{color:#2b8a3e}.bad{color:#c92a2a}
.targets td,.targets th{text-align:left}
svg{max-width:100%}.note{color:#495057}"""


def plot(table, peers):
    """A dot for each allocator in each row: its figure divided by the row's best, on a logarithmic axis."""
    left, right, line = 190, 860, 22
    most = max(cell["to_best"] for row in table.values() for cell in row.values())
    top = max(2.0, min(most, 16.0))
    height = line * len(table) + 50

    def x(value):
        return left + (right - left) * math.log(min(max(value, 1.0), top)) / math.log(top)

    yield f'<svg viewBox="0 0 900 {height}" role="img" aria-label="each allocator to the best of its row">'
    for tick in (1, 1.1, 1.25, 1.5, 2, 3, 4, 8, 16):
        if tick <= top:
            yield (f'<line x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="20" y2="{height - 25}" stroke="#dee2e6"/>'
                   f'<text x="{x(tick):.1f}" y="14" font-size="11" text-anchor="middle">{tick}</text>')
    for number, (name, row) in enumerate(table.items()):
        y = 34 + number * line
        yield f'<text x="{left - 10}" y="{y + 4}" font-size="12" text-anchor="end">{html.escape(name)}</text>'
        for peer, colour in reversed(list(zip(peers, COLOURS * 2))):
            if peer.name in row:
                value = row[peer.name]["to_best"]
                yield (f'<circle cx="{x(value):.1f}" cy="{y}" r="{6 if peer is peers[0] else 4.5}" fill="{colour}"'
                       f' fill-opacity=".85"><title>{html.escape(peer.title)}: {value:.2f} times the best</title></circle>')
    for number, (peer, colour) in enumerate(zip(peers, COLOURS * 2)):
        yield (f'<circle cx="{left + number * 88}" cy="{height - 10}" r="5" fill="{colour}"/>'
               f'<text x="{left + number * 88 + 9}" y="{height - 6}" font-size="12">{html.escape(peer.name)}</text>')
    yield "</svg>"


def rows(section, peers, failures):
    table, scale = section.table, section.scale
    yield "<table><tr><th></th>" + "".join(f"<th>{html.escape(peer.title)}</th>" for peer in peers) + "</tr>"
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
    yield "</table>"


def checked(verdicts):
    """Yields: the targets, what was reached, and whether that is enough."""
    yield "<h2>Targets</h2><table class=targets><tr><th>target</th><th>reached</th><th></th></tr>"
    for verdict in verdicts:
        mark = {"met": "good", "missed": "bad"}.get(verdict.word, "note")
        yield (f"<tr><td>{html.escape(verdict.target)}</td><td>{html.escape(verdict.reached)}</td>"
               f'<td class="{mark}">{verdict.word}</td></tr>')
    yield "</table>"


def page(result, sections, peers, verdicts, failures):
    """Returns: the page."""
    machine = result["machine"]
    lines = ["<!doctype html><html lang=en><meta charset=utf-8><title>Basalt beside other allocators</title>",
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
