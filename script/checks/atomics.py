"""Every operation on an atomic of src/ names its memory order, and no race is hidden from the race detector.

An order that is not written was not thought about; a suppressed report is a race that ships. Operations are known
by their names (`load`, `store`, `exchange`, `fetch_…`, `compare_exchange_…`), implicit ones by operators on a name
that the same file declares as `std::atomic` or `Atomic`. A read by conversion is not found: it needs a compiler.
"""

import re
from collections import Counter

from checks import cpp
from checks.tree import CPP, Finding, line_of

RULES = ('order', 'operator', 'suppression')

_CALL = re.compile(r'(?:\.|->)\s*(load|store|exchange|fetch_\w+|compare_exchange_\w+|test_and_set)\s*(\()')
_DECLARED = re.compile(r'\b(?:std::atomic|Atomic)\s*<[^;{}()]*?>+\s*(\w+)\s*(?:\[[^\]]*\]\s*)*[;{=,]')
# Written in two parts so that this file is not its own finding.
_HIDING = re.compile('suppress' 'ions=|__tsan_default_' r'suppressions|no_sanit' r'ize(?:_thread|\("thread"\))')


def check(tree):
    for path, text in tree.texts(('src', 'include'), CPP):
        code = cpp.code_only(text)
        yield from _calls(path, code)
        yield from _operators(path, code)
    for path in tree.files:
        if re.search(r'suppress|\.supp$', path.rpartition('/')[2]):
            yield Finding(path, 1, 'suppression', 'remove the file and mend the race')
    for path, text in tree.texts():
        if not path.endswith('.md'):
            for found in _HIDING.finditer(text):
                yield Finding(path, line_of(text, found.start()), 'suppression', 'mend the race, do not hide it')


def _calls(path, code):
    for found in _CALL.finditer(code):
        inside = code[found.end():cpp.closing(code, found.start(2))]
        if not re.search(r'order', inside):
            yield Finding(path, line_of(code, found.start()), 'order', f'name the memory order of this {found[1]}')


def _operators(path, code):
    for name, declared in sorted(Counter(_DECLARED.findall(code)).items()):
        # Another variable of this name, perhaps: then only what is reached as a member is surely the atomic.
        alike = rf'\b(?!return\b)\w+(?:<[^;{{}}()]*>)?[\s*&]*(?<=[\s*&>]){name}\s*(?:[=;,)]|{{)'
        before = r'(?:\.|->)' if len(re.findall(alike, code)) > declared else r'(?<![\w>&*] )(?<![\w&*])'
        place = rf'{before}{name}\b(?:\[[^\]]*\])?'
        for found in re.finditer(rf'{place}\s*(?:=(?!=)|\+\+|--|[-+|&^]=)|(?:\+\+|--)[\w.>-]*\b{name}\b', code):
            yield Finding(path, line_of(code, found.start()), 'operator',
                          f'{name} is atomic: write load, store or fetch_… with a memory order')
