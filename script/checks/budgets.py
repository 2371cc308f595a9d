"""Functions have at most 40 lines, files 400 (tests 600), the root CMakeLists.txt 120; exceptions stand in HOUSE.md.

What does not fit on a screen is not read but trusted. An exception needs a reason, and goes when it is needed no more.
"""

from checks import cpp, house
from checks.tree import CPP, Finding, line_of

RULES = ('function', 'file', 'exception', 'stale-exception')

FUNCTION, FILE, TEST_FILE, ROOT_CMAKE = 40, 400, 600, 120
CODE = ('src', 'include', 'tools')


class Excess:
    """What is over its budget, once, with the exception that allows it."""

    def __init__(self, tree):
        self.granted, self.broken = house.exceptions(tree)
        self.needed = set()

    def judge(self, path, line, function, lines, budget):
        if lines <= budget:
            return
        for granted in self.granted:
            if (granted.path, granted.function) == (path, function):
                self.needed.add(granted)
                if lines <= granted.limit:
                    return
                budget = granted.limit
        what = f'{function or "the file"} has {lines} lines, {budget} are allowed'
        yield Finding(path, line, 'function' if function else 'file',
                      f'{what}: divide it, or give the reason in HOUSE.md, "{house.HEADING}"')


def check(tree):
    excess = Excess(tree)
    for path, text in tree.texts((*CODE, 'tests'), (*CPP, '.py', '.ts')):
        budget = TEST_FILE if path.startswith('tests/') else FILE
        yield from excess.judge(path, 1, '', len(text.splitlines()), budget)
    for path, text in tree.texts(CODE, CPP):
        for function in cpp.functions(text):
            first, last = line_of(text, function.begin), line_of(text, function.end - 1)
            yield from excess.judge(path, first, function.name, last - first + 1, FUNCTION)
    if tree.exists('CMakeLists.txt'):
        yield from excess.judge('CMakeLists.txt', 1, '', len(tree.text('CMakeLists.txt').splitlines()), ROOT_CMAKE)
    for line in excess.broken:
        yield Finding(house.PAGE, line, 'exception', 'write | `path` or `path:function` | lines | reason |')
    for granted in excess.granted:
        if granted not in excess.needed:
            yield Finding(house.PAGE, granted.line, 'stale-exception', 'nothing needs this exception now: remove it')
