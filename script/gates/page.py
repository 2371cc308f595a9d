"""The table of gates in docs/trust.md."""

from pathlib import Path

from gates import figures, parts

PAGE = Path('docs/trust.md')
BEGIN, END = '<!-- gates: begin -->', '<!-- gates: end -->'


def total(part, record):
    sums = {}
    for piece in record.pieces(part).values():
        sums = figures.merged(sums, piece['figures'].items())
    return sums


def figure(part, record):
    """What a part has shown, in words."""
    done = len(record.pieces(part))
    if done == 0:
        return 'not run'
    share = f' ({done} of {part.pieces} pieces)' if done < part.pieces else ''
    rounds = f' in {done:,} {"round" if done == 1 else "rounds"}' if part.endless else ''
    return figures.sentence(total(part, record)) + rounds + share


def table(record):
    lines = ['| gate | what is done | figure | command | where |', '|---|---|---|---|---|']
    for part in parts.ALL:
        name = Path(part.where).name
        path = str(Path('..', part.where)) if not part.where.startswith('docs/') else part.where.removeprefix('docs/')
        lines.append(f'| {part.gate} | {part.work} | {figure(part, record)} | `script/soak --only {part.name}` |'
                     f' [{name}]({path}) |')
    return '\n'.join(lines)


def commits(record):
    """Of which commits the pieces were run, in words; all of them have the same sources."""
    names = sorted({piece['commit'] for part in parts.ALL for piece in record.pieces(part).values()})
    return f'Run at {", ".join(names)}.' if names else 'Nothing was run yet.'


def write(record, page=PAGE):
    text = page.read_text()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    page.write_text(f'{before}{BEGIN}\n\n{commits(record)}\n\n{table(record)}\n\n{END}{after}')
