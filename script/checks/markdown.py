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


def spans(line):
    """The contents of the code spans of one line."""
    return [found[2].strip() for found in re.finditer(r'(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)', line)]


def without_spans(line):
    return re.sub(r'(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)', lambda found: ' ' * len(found[0]), line)


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
