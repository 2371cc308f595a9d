"""Relative links of documents lead to files of this tree, and anchors to headings that are there.

A reader who follows a dead link stops believing the page. Links to other places are not followed: a check must not
depend on the network.
"""

import os
import re
from urllib.parse import unquote

from checks import markdown
from checks.tree import Finding, line_of

RULES = ('dead-link', 'dead-anchor')

_INLINE = re.compile(r'\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)')
_REFERENCE = re.compile(r'^\s{0,3}\[[^\]]+\]:\s+<?([^\s>]+)>?', re.M)
_HTML = re.compile(r'<(?:a|img|source)\b[^>]*\s(?:href|src|srcset)="([^"]+)"')


def check(tree):
    for path, text in tree.texts(endings=('.md',)):
        for first, block in markdown.blocks(text):
            prose = markdown.without_spans(block)
            for found in (found for pattern in (_INLINE, _REFERENCE, _HTML) for found in pattern.finditer(prose)):
                yield from _target(tree, path, first + line_of(prose, found.start(1)) - 1, found[1])


def _target(tree, path, line, target):
    if re.match(r'[a-z][a-z0-9+.-]*:|//', target, re.I):
        return
    name, _, anchor = unquote(target).partition('#')
    base = '' if name.startswith('/') else os.path.dirname(path)
    file = os.path.normpath(os.path.join(base, name.lstrip('/'))) if name else path
    if not tree.exists(file):
        yield Finding(path, line, 'dead-link', f'there is no {file}')
    elif anchor and not _has_anchor(tree, file, anchor):
        yield Finding(path, line, 'dead-anchor', f'{file} has no "{anchor}"')


def _has_anchor(tree, file, anchor):
    lines = re.fullmatch(r'L(\d+)(?:-L(\d+))?', anchor)
    if lines and file in tree.files:
        return int(lines[2] or lines[1]) <= len(tree.text(file).splitlines())
    if file.endswith('.md'):
        return anchor in markdown.anchors(tree.text(file))
    return file.endswith(('.html', '.svg')) and f'id="{anchor}"' in tree.text(file)
