"""No document has a placeholder (`@NAME@`) in the place of a figure, or an empty table where a program should have written one.

A page that promises figures and has none was finished in the head of its author only. Places that programs fill are known by the
comments `<!-- NAME: begin -->` and `<!-- NAME: end -->`. Code spans and fences are left out: they may speak of both.
"""

import re

from checks import markdown
from checks.tree import Finding, line_of

RULES = ('placeholder', 'empty-table')

_PLACEHOLDER = re.compile(r'@[A-Z][A-Z0-9_]*@')
_EMPTY = re.compile(r'<!--[ \t]*(\S[^\n]*?): begin[ \t]*-->\s*<!--[ \t]*\1: end[ \t]*-->')


def check(tree):
    for path, text in tree.texts(endings=('.md',)):
        prose = _prose(text)
        for found in _PLACEHOLDER.finditer(prose):
            yield Finding(path, line_of(prose, found.start()), 'placeholder',
                          f'write what {found[0]} stands for, or take the sentence away')
        for found in _EMPTY.finditer(prose):
            yield Finding(path, line_of(prose, found.start()), 'empty-table',
                          f'run what writes the table "{found[1]}", or take it away')


def _prose(text):
    """The text with blank lines for fences, and blanks for code spans."""
    lines = [''] * len(text.split('\n'))
    for first, block in markdown.blocks(text):
        for number, line in enumerate(markdown.without_spans(block).split('\n'), first):
            lines[number - 1] = line
    return '\n'.join(lines)
