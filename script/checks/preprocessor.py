"""`#if` stands only in src/platform/, src/door/ and src/base/compiler.hpp; headers begin with `#pragma once`.

Code between conditionals compiles on somebody else's machine only; a policy type with an empty twin and
`if constexpr` compiles everywhere. `__cplusplus` in include/basalt/basalt.h is the one public condition, since C
reads it too. Tests, bench, tools and examples are exempt from the rule of `#if`.
"""

import re

from checks import cpp
from checks.tree import CPP, HEADERS, Finding, line_of

RULES = ('if', 'guard', 'pragma-once')

HOMES = ('src/platform/', 'src/door/', 'src/base/compiler.hpp')
PUBLIC = 'include/basalt/basalt.h'


def check(tree):
    for path, text in tree.texts(endings=CPP):
        directives = cpp.directives(text)
        if path.endswith(HEADERS):
            yield from _header(path, text, directives)
        if path.startswith(('src/', 'include/')) and not path.startswith(HOMES):
            yield from _conditions(path, text, directives)


def _conditions(path, text, directives):
    for at, directive in directives:
        if not re.match(r'#\s*(if|ifdef|ifndef|elif)\b', directive):
            continue
        condition = re.sub(r'#\s*\w+|\bdefined\b|[()\s]', '', directive)
        if path != PUBLIC or condition != '__cplusplus':
            yield Finding(path, line_of(text, at), 'if',
                          'make it a type and `if constexpr`, or move what depends on the machine to src/platform/')


def _header(path, text, directives):
    once = [at for at, directive in directives if re.fullmatch(r'#\s*pragma\s+once', directive)]
    if not once or once[0] != directives[0][0]:
        yield Finding(path, 1, 'pragma-once', 'make `#pragma once` the first directive of the header')
    for (at, test), (_, then) in zip(directives, directives[1:]):
        name = re.fullmatch(r'#\s*ifndef\s+(\w+)', test)
        if name and re.fullmatch(rf'#\s*define\s+{name[1]}', then):  # one that has a value is no guard
            yield Finding(path, line_of(text, at), 'guard', 'remove the include guard: `#pragma once` is one')
