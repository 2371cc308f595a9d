"""Who reads malloc, free or free_sized down to its pop or push reads at most 5 functions, 50 lines and 2 files, and no `#if`.

The short paths are what a reader wants to see first and what every program runs most. They begin at the doors
and end in the page of the short paths; what is called there is followed, name by name, so a helper in a third file is
a finding. What stands behind `Family::` is the slow path. Lines are those of the functions, from the first of the
head to the last brace. The table of docs/tour-engine.md that states the figures is held against them.
"""

import re
from typing import NamedTuple

from checks import cpp
from checks.tree import Finding, line_of

RULES = ('lost', 'leaves', 'functions', 'lines', 'condition', 'figures')

DOOR, PAGE = 'src/door/malloc_exports.cpp', 'src/engine/short_path.hpp'
TOUR = 'docs/tour-engine.md'
PATHS = ('malloc', 'free', 'free_sized')
FUNCTIONS, LINES = 5, 50

_CALL = re.compile(r'(?<![\w:])((?:\w+::)*)(\w+)\s*\(')
_LANGUAGE = {'if', 'for', 'while', 'switch', 'return', 'sizeof', 'alignas', 'noexcept', 'load', 'store',
             'atomic_signal_fence'}


class Function(NamedTuple):
    path: str
    name: str
    parameters: int
    first: int   # lines
    last: int
    body: str    # without comments


def check(tree):
    if not tree.exists(DOOR) or not tree.exists(PAGE):
        return
    known = [function for path in (DOOR, PAGE) for function in _functions(path, tree.text(path))]
    stated = _stated(tree)
    for name in PATHS:
        start = next((one for one in known if one.path == DOOR and one.name == name), None)
        if start is None:
            yield Finding(DOOR, 1, 'lost', f'there is no {name}: say in script/checks/hotpaths.py where it is now')
            continue
        steps, leaves = _walk(start, known)
        yield from leaves
        yield from _judge(tree, name, start, steps)
        figures = (len(steps), sum(one.last - one.first + 1 for one in steps))
        if not leaves and tree.exists(TOUR) and stated.get(name, (0, None))[1] != figures:
            yield Finding(TOUR, stated.get(name, (1, None))[0], 'figures',
                          f'write | `{name}` | {figures[0]} functions | {figures[1]} lines |')


def _judge(tree, name, start, steps):
    lines = sum(one.last - one.first + 1 for one in steps)
    if len(steps) > FUNCTIONS:
        yield Finding(DOOR, start.first, 'functions', f'{name} goes through {len(steps)} functions, {FUNCTIONS} are allowed: '
                                                      + ', '.join(one.name for one in steps))
    if lines > LINES:
        yield Finding(DOOR, start.first, 'lines', f'{name} goes through {lines} lines, {LINES} are allowed')
    for one in steps:
        for at, directive in cpp.directives(tree.text(one.path)):
            line = line_of(tree.text(one.path), at)
            if one.first <= line <= one.last:
                yield Finding(one.path, line, 'condition', f'{directive.strip()} is in the way of who reads {name}')


def _walk(start, known):
    """The functions on the path, in the order in which they are read, and the findings of those that are elsewhere."""
    steps, leaves, open_ends = [], [], [start]
    while open_ends:
        one = open_ends.pop(0)
        if one in steps:
            continue
        steps.append(one)
        for qualifier, name, arguments in _calls(one.body):
            if name in _LANGUAGE or qualifier == 'Family::':
                continue
            found = [other for other in known if other.path == PAGE and (other.name, other.parameters) == (name, arguments)]
            open_ends += found[:1]
            if not found:
                leaves.append(Finding(one.path, one.first, 'leaves', f'{one.name} calls {name}, which is not in {PAGE}'))
    return steps, leaves


def _calls(body):
    for found in _CALL.finditer(body):
        inside = body[found.end():cpp.closing(body, found.end() - 1)]
        yield found[1], found[2], len(cpp.split_arguments(inside))


def _functions(path, text):
    code = cpp.code_only(text)
    for block in cpp.functions(text):
        at = re.compile(re.escape(block.name.rpartition('::')[2]) + r'\s*\(').search(code, block.begin)
        if at and at.end() < block.end:
            end = cpp.closing(code, at.end() - 1)
            body = code[code.index('{', end):block.end]
            yield Function(path, block.name, len(cpp.split_arguments(code[at.end():end])),
                           line_of(text, block.begin), line_of(text, block.end - 1), body)


def _stated(tree):
    """For each path that the tour has figures of: their line, functions and lines."""
    text = tree.text(TOUR) if tree.exists(TOUR) else ''
    rows = re.finditer(r'^\| `(\w+)` \| (\d+) functions \| (\d+) lines \|', text, re.M)
    return {row[1]: (line_of(text, row.start()), (int(row[2]), int(row[3]))) for row in rows}
