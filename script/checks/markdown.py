"""Reads Markdown as far as the checks need it: fences, code spans, headings."""

import re
from typing import NamedTuple


class Line(NamedTuple):
    number: int
    text: str
    fence: str  # the language of the fence that the line lies in; 'text' if it names none; '' outside


def lines(text):
    """The lines of a document without the fences themselves."""
    fence, language = '', ''
    for number, line in enumerate(text.split('\n'), 1):
        mark = re.match(r'\s*(`{3,}|~{3,})\s*([\w+-]*)', line)
        if mark and not fence:
            fence, language = mark[1], mark[2] or 'text'
        elif mark and fence and mark[1].startswith(fence) and not mark[2]:
            fence, language = '', ''
        else:
            yield Line(number, line, language)


_SPAN = re.compile(r'(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)', re.S)
_BEGINS_BLOCK = re.compile(r'\s*(?:$|\||#|[-*+] |\d+[.)] |>)')


def blocks(text):
    """The first line and the text of the paragraphs, items, headings and rows outside fences."""
    block, last = [], 0
    for line in lines(text):
        if block and (line.fence or line.number != last + 1 or _BEGINS_BLOCK.match(line.text)):
            yield block[0].number, '\n'.join(one.text for one in block)
            block = []
        if not line.fence:
            block.append(line)
        last = line.number
    if block:
        yield block[0].number, '\n'.join(one.text for one in block)


def spans(text):
    """Pairs of line and content of the code spans; a span may go on in the next line of its paragraph."""
    for first, block in blocks(text):
        for found in _SPAN.finditer(block):
            yield first + block.count('\n', 0, found.start(2)), ' '.join(found[2].split())


def without_spans(block):
    return _SPAN.sub(lambda found: re.sub(r'[^\n]', ' ', found[0]), block)


def anchors(text):
    """The names under which parts of a document can be linked to, as the usual hosts make them from headings."""
    seen, result = {}, set()
    for line in lines(text):
        result.update(re.findall(r'<\w+[^>]*\s(?:id|name)="([^"]+)"', line.text))
        heading = re.match(r'#{1,6}\s+(.*?)\s*#*\s*$', line.text)
        if not heading or line.fence:
            continue
        words = re.sub(r'!?\[([^\]]*)\]\([^)]*\)', r'\1', heading[1])
        slug = re.sub(r'[^\w\- ]', '', words.lower()).replace(' ', '-')
        result.add(slug if slug not in seen else f'{slug}-{seen[slug]}')
        seen[slug] = seen.get(slug, 0) + 1
    return result
