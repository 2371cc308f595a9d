"""Reads the table of size exceptions in HOUSE.md.

    ## Size exceptions

    | Where | Lines | Why |
    |---|---|---|
    | `src/engine/heap.hpp` | 450 | the whole fast path on one page |
    | `src/door/malloc.cpp:realloc` | 55 | one case per way to grow, in the order they are tried |

`Where` is a file, or a file, ':' and the name of a function as it is written in its definition.
"""

import re
from typing import NamedTuple

from checks import markdown

PAGE = 'HOUSE.md'
HEADING = 'Size exceptions'


class Granted(NamedTuple):
    line: int
    path: str
    function: str  # '' for the file itself
    limit: int


def exceptions(tree):
    """The exceptions, and the numbers of the lines that are none."""
    granted, broken, inside = [], [], False
    if not tree.exists(PAGE):
        return granted, broken
    for line in markdown.lines(tree.text(PAGE)):
        if line.text.startswith('#'):
            inside = line.text.strip('# ') == HEADING
        if not inside or not line.text.startswith('|'):
            continue
        cells = [cell.strip() for cell in line.text.strip('| \t').split('|')]
        if cells[0] == 'Where' or re.fullmatch(r':?-+:?', cells[0]):
            continue
        where = re.fullmatch(r'`([^`:]+)(?::([^`]+))?`', cells[0])
        if where and len(cells) == 3 and cells[1].isdigit() and cells[2]:
            granted.append(Granted(line.number, where[1], where[2] or '', int(cells[1])))
        else:
            broken.append(line.number)
    return granted, broken
