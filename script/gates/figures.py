"""What tests say of how much they did: lines `figure: NUMBER WORDS`, by process::figure and test::figure in tests/support/."""

import re

LINE = re.compile(r'\bfigure: (-?\d+) (.+?)\s*$', re.M)  # wherever in a line: ctest and unittest write before it


def of(output):
    """The figures in what a command printed: words and numbers, in the order in which they came first."""
    return merged({}, [(words, int(number)) for number, words in LINE.findall(output)])


def merged(figures, more):
    """Numbers of the same words are added up; of those that are "at most", the largest counts."""
    figures = dict(figures)
    for words, number in more:
        before = figures.get(words, 0)
        figures[words] = max(before, number) if ' at most' in words else before + number
    return figures


def sentence(figures):
    return '; '.join(f'{number:,} {words}' for words, number in figures.items())
