"""No promises in comments, no code in comments, no paths of one machine, no rows of booleans, no silent NOLINT.

What is to be done stands in an issue, what was done in git. A path of somebody's machine works on that machine. A
call such as `f(block, false, true)` says nothing: use an enumeration or two functions. A sample of code in a comment
is indented by four blanks, or stands between lines of ```; then it is no dead code. In tests, tools and scripts a
path below /tmp must begin with `/tmp/basalt`.
"""

import re

from checks import cpp
from checks.tree import CPP, Finding, line_of

RULES = ('promise', 'dead-code', 'machine-path', 'booleans', 'nolint')

# Words in two parts, so that this file is not its own finding.
_PROMISE = re.compile(r'\b(?:TO' r'DO|FIX' r'ME|X' r'XX)\b')
_PLACE = re.compile(r'(?<![\w.~>}\-/:])/(?:wo' r'rk|ho' r'me|t' r'mp)/[^\s"\'`;,)]*')
_LOOSE = ('tests/', 'tools/', 'bench/', 'script/', 'examples/')  # where some places are known to be good
_GOOD = re.compile(r'/t' r'mp/basalt')

_CODE = re.compile(r'''
    (?:if|for|while|switch|catch)\s*\(.*\)\s*\{?$                  # a statement that opens a block
  | (?:\}\s*)?else\s*(?:if\s*\(.*\)\s*)?\{$
  | (?:return|goto)\s+[\w:.&*()>!+\-]+;$
  | (?:break|continue|return);$
  | (?:using|typedef|namespace|template|struct|class|enum|static|constexpr|const|auto|inline|extern)\b.*[;{]$
  | [\w:.>\-\[\]*&<\ ]+\s(?:=|\+=|-=|\|=|&=)\s.*;$                 # an assignment
  | [\w:.>\-<]+\(.*\)\s*(?:const\s*)?(?:noexcept\s*)?[;{]$         # a call, or a function
  | \#\s*(?:include|define|ifn?def|if|endif|pragma)\b.*            # a directive
  | \}[;)]*$
''', re.X)
_PROSE = re.compile(r'\b(?:the|is|are|was|of|to|and|that|with|it|not|which|by|as|be)\s(?!=)', re.I)


def check(tree):
    for path, text in tree.texts():
        yield from _matches(path, text, _PROMISE, 'promise', 'open an issue for what is left to do, or do it')
        for found in _PLACE.finditer(text):
            if not (path.startswith(_LOOSE) and _GOOD.match(found[0])):
                yield Finding(path, line_of(text, found.start()), 'machine-path',
                              f'{found[0]} is a place of one machine: ask for it or derive it')
    for path, text in tree.texts(endings=CPP):
        yield from _dead_code(path, text)
        yield from _booleans(path, cpp.code_only(text))
        yield from _matches(path, text, re.compile(r'\bNOLINT\w*\b(?!\([\w.,* -]+\): \S|END)'), 'nolint',
                            'name the check and the reason: NOLINT' '(name): reason')


def _matches(path, text, pattern, rule, advice):
    for found in pattern.finditer(text):
        yield Finding(path, line_of(text, found.start()), rule, advice)


def _dead_code(path, text):
    last_line, fenced = 0, False
    for at, comment in cpp.comments(text):
        first = line_of(text, at)
        if first != last_line + 1:
            fenced = False
        for number, line in enumerate(comment.split('\n'), first):
            last_line = number
            body = re.sub(r'^\s*(?:///?<?|/\*+|\*(?!/))|\*/\s*$', '', line)
            if body.strip().startswith('```'):
                fenced = not fenced
            sample = fenced or body.startswith('    ')
            words = body.strip()
            if not sample and _CODE.match(words) and not _PROSE.search(re.sub(r'"[^"]*"', '""', words)):
                yield Finding(path, number, 'dead-code', 'remove it, git keeps it; a sample is indented by four blanks')


def _booleans(path, code):
    for found in re.finditer(r'\((?=[^;{]*\bbool\b[^;{]*\bbool\b)', code):
        inside = code[found.end():cpp.closing(code, found.start())]
        parameters = cpp.split_arguments(inside)
        if sum(bool(re.fullmatch(r'(?:const\s+)?bool(?:\s*&&?)?(?:\s+\w+)?(?:\s*=.*)?', one, re.S))
               for one in parameters) >= 2:
            yield Finding(path, line_of(code, found.start()), 'booleans', 'use enumerations, or functions with names')
