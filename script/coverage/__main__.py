"""What `script/test --coverage` prints: lines and branches of each floor that tests execute. Run by it, not by hand.

A line counts if it has code: a blank line, a comment and a lone bracket do not. A branch is one outcome of a condition, so
that `a && b` has four. What several instantiations of a template, or several binaries, do at one place of a file is put
together: an outcome is covered when one of them has it. Conditions that the compiler decides have no outcomes, and
conditions inside of macros (assert) are left out. There are no exceptions in the library, so no edges of them.
"""

import argparse
import collections
import json
import pathlib
import re
import subprocess
import sys

FLOORS = ('base', 'source', 'basic', 'engine', 'guard', 'door')
LINES, BRANCHES = 95.0, 90.0
LLVM = '-14'
UNREACHED = 'script/coverage/unreached.txt'

File = collections.namedtuple('File', 'lines branches')  # {line: executed}, {(line, column, outcome): executed}


def code_of(text):
    """The numbers of the lines that have code."""
    without = re.sub(r'/\*.*?\*/', lambda comment: '\n' * comment[0].count('\n'), text, flags=re.S)
    return {number for number, line in enumerate(without.splitlines(), 1)
            if re.search(r'[^\s{}();]', re.sub(r'//.*', '', line))}


def places_of(segments):
    """For each line that is mapped how often it was executed, and a function that tells it of one place."""
    starts = collections.defaultdict(list)
    for segment in segments:
        starts[segment[0]].append(segment)
    lines, around = {}, None
    for number in range(segments[0][0], segments[-1][0] + 1):
        begun = [segment[2] for segment in starts[number] if segment[3] and segment[4] and not segment[5]]
        if begun or (around and around[3]):
            lines[number] = max(begun + ([around[2]] if around and around[3] else []))
        around = starts[number][-1] if starts[number] else around

    def executed(line, column):
        last = None
        for segment in segments:
            if (segment[0], segment[1]) > (line, column):
                break
            last = segment
        return last[2] if last and last[3] else 0
    return lines, executed


def read(export, code):
    lines, executed = places_of(export['segments'])
    taken = collections.Counter()
    for line, column, _, _, true, false, *_ in export['branches']:
        taken[line, column, 'true'] += true
        taken[line, column, 'false'] += false
    decided = {(line, column) for line, column, outcome in taken
               if not taken[line, column, 'true'] + taken[line, column, 'false'] and executed(line, column)}
    return File({line: count > 0 for line, count in lines.items() if line in code},
                {place: count > 0 for place, count in taken.items() if place[:2] not in decided})


class Unreached:
    """The one list of what cannot be executed by a test, each with its reason."""

    def __init__(self, root):
        self.entries, self.wrong, self.excused = [], [], 0
        for number, line in enumerate((root / UNREACHED).read_text().splitlines(), 1):
            if not line.strip() or line.startswith('#'):
                continue
            path, text, reason = (re.split(r' +\| +', line.strip(), maxsplit=2) + ['', ''])[:3]
            source = (root / path).read_text().splitlines() if (root / path).is_file() else []
            at = {n for n, code in enumerate(source, 1) if text and text in code}
            if not at or not reason:
                self.wrong.append(f'{UNREACHED}:{number}: ' + ('there is no such line' if reason else 'it wants a reason'))
            self.entries.append((number, path, at))

    def apply(self, path, file):
        """Leaves out what is not covered of the lines that are listed; what is covered counts like all else."""
        for number, of, at in self.entries:
            if of != path:
                continue
            idle = [n for n in at if file.lines.get(n) is False]
            edges = [place for place, taken in file.branches.items() if place[0] in at and not taken]
            if not idle and not edges:
                self.wrong.append(f'{UNREACHED}:{number}: it is executed, so take it out of the list')
            for n in idle:
                del file.lines[n]
            for place in edges:
                del file.branches[place]
            self.excused += len(idle) + len(edges)


def binaries(build):
    """Each function lies in some of these: the tests, the libraries, and programs linked to the archives."""
    found = [*build.glob('bin/*_tests'), *build.glob('lib/*.so'), *build.glob('process/*_global')]
    return [str(path) for path in sorted(found)]


def llvm(tool, *arguments, **options):
    return subprocess.run([tool + LLVM, *arguments], check=True, stdout=subprocess.PIPE, **options).stdout


def percent(covered):
    return 100.0 * sum(covered) / len(covered) if covered else 100.0


def print_table(floors):
    print(f'\n{"floor":8} {"lines":>7} {"not":>5} {"%":>7}   {"branches":>8} {"not":>5} {"%":>7}')
    low = []
    for name, files in [*floors.items(), ('total', [file for files in floors.values() for file in files])]:
        lines = [hit for file in files for hit in file.lines.values()]
        branches = [hit for file in files for hit in file.branches.values()]
        print(f'{name:8} {len(lines):7} {lines.count(False):5} {percent(lines):7.2f}   '
              f'{len(branches):8} {branches.count(False):5} {percent(branches):7.2f}')
        if not lines or percent(lines) < LINES or percent(branches) < BRANCHES:
            low.append(name)
    return low


def print_missing(files):
    for path, file in sorted(files.items()):
        lines = [n for n, hit in file.lines.items() if not hit]
        edges = [f'{line}:{column} {outcome}' for (line, column, outcome), hit in sorted(file.branches.items()) if not hit]
        if lines or edges:
            print(f'{path}: lines {", ".join(map(str, lines)) or "all"}; branches {", ".join(edges) or "all"}')


def main():
    parser = argparse.ArgumentParser(prog='script/coverage', description=__doc__)
    parser.add_argument('build', type=pathlib.Path)
    parser.add_argument('--missing', action='store_true', help='also name every line and outcome that is not covered')
    parser.add_argument('--no-html', action='store_true')
    options = parser.parse_args()
    root = pathlib.Path(__file__).resolve().parents[2]
    profile = options.build / 'coverage.profdata'
    raw = sorted(map(str, options.build.glob('counters/*.profraw')))
    (options.build / 'counters.txt').write_text('\n'.join(raw))
    llvm('llvm-profdata', 'merge', '-sparse', '-f', str(options.build / 'counters.txt'), '-o', str(profile))

    first, *others = binaries(options.build)
    inputs = [first, *(word for other in others for word in ('-object', other)), f'-instr-profile={profile}',
              *(str(root / 'src' / floor) for floor in FLOORS)]
    exported = json.loads(llvm('llvm-cov', 'export', *inputs, '-skip-functions', stderr=subprocess.DEVNULL))
    unreached, files = Unreached(root), {}
    for export in exported['data'][0]['files']:
        path = str(pathlib.Path(export['filename']).relative_to(root))
        if export['segments']:
            files[path] = read(export, code_of((root / path).read_text()))
            unreached.apply(path, files[path])

    unseen = [str(path.relative_to(root)) for floor in FLOORS for path in sorted((root / 'src' / floor).rglob('*.cpp'))
              if str(path.relative_to(root)) not in files]
    if options.missing:
        print_missing(files)
    low = print_table({floor: [file for path, file in files.items() if path.startswith(f'src/{floor}/')] for floor in FLOORS})
    print(f'({unreached.excused} lines and outcomes that no test can reach are left out: {UNREACHED})')
    if unseen:
        print(f'Not counted, because no library with it is in this build: {", ".join(unseen)}')
    if not options.no_html:
        llvm('llvm-cov', 'show', *inputs, '-format=html', f'-output-dir={options.build / "html"}', '-show-branches=count',
             '-show-instantiations=false', stderr=subprocess.DEVNULL)
        print(f'Line by line: {options.build / "html" / "index.html"}')
    for finding in unreached.wrong:
        print(finding, file=sys.stderr)
    if low:
        print(f'script/test: below {LINES:.0f} % of lines or {BRANCHES:.0f} % of branches: {", ".join(low)}', file=sys.stderr)
    return 1 if low or unreached.wrong else 0


sys.exit(main())
