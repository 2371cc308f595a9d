"""Every template of src/ is instantiated by a test.

A template that nobody instantiates is not compiled, and so it is only thought to work. What is looked for: the name
of a class template in the code of tests/ (or in an explicit instantiation, `template class Name<...>`). A function
template and a template inside a class or a namespace `detail` may also be reached through other code of src/ that
names it. The compiler is not asked: a name in the right place is taken for its use.
"""

import re
from collections import Counter

from checks import cpp
from checks.tree import CPP, HEADERS, Finding, line_of

RULES = ('class', 'function')


def check(tree):
    tests, instantiated, inside = set(), set(), Counter()
    for _, text in tree.texts(('tests',), CPP):
        tests.update(re.findall(r'\w+', cpp.code_only(text)))
    for _, text in tree.texts(('src',), CPP):
        code = cpp.code_only(text)
        inside.update(re.findall(r'\w+', code))
        instantiated.update(re.findall(r'\btemplate\s+(?:class|struct)\s+(?:\w+::)*(\w+)\s*<', code))
    declared = [(path, *template) for path, text in tree.texts(('src',), HEADERS) for template in templates(text)]
    declarations = Counter(name for _, _, _, name, _ in declared)
    seen = set()
    for path, line, kind, name, enclosed in declared:
        reached = inside[name] > declarations[name] and (kind == 'function' or enclosed)
        if name in tests or name in instantiated or reached or (path, name) in seen:
            continue
        seen.add((path, name))
        yield Finding(path, line, kind, f'let a test under tests/ instantiate {name}, or remove it')


def templates(text):
    """(line, 'class' or 'function', name, whether it is a part of something) of the templates of a header."""
    code = cpp.code_only(text)
    spaces = [block for block in cpp.blocks(text) if block.kind in ('class', 'namespace')]
    after = 0
    for found in re.finditer(r'(?<![.:>])\btemplate\s*<', code):
        if found.start() < after or re.search(r'(::|\.|->)\s*$', code[max(0, found.start() - 8):found.start()]):
            continue
        after = cpp.closing(code, found.end() - 1) + 1
        if not code[found.end():after - 1].strip():
            continue  # a specialisation: its primary template is the one to test
        kind, name = _named(code[after:after + 2000])
        if not name:
            continue
        around = [block for block in spaces if block.begin < found.start() < block.end]
        enclosed = any(block.kind == 'class' or block.name.endswith('detail') or not block.name for block in around)
        own_class = any(block.kind == 'class' and block.name == name for block in around)
        if not own_class:  # a constructor is instantiated with its class, if with anything
            yield line_of(text, found.start()), kind, name, enclosed


def _named(rest):
    """What a template declares, from the text behind `template <...>`."""
    head = re.split(r'[;{]|(?<!:):(?!:)', rest, 1)[0]
    head = re.sub(r'\b(?:alignas|requires|explicit|noexcept|__attribute__)\s*\((?:[^()]|\([^()]*\))*\)', ' ', head)
    if re.search(r'\b(friend|concept|using|operator)\b', head):
        return '', ''
    kind = re.search(r'\b(?:class|struct|union)\s+(?:\[\[.*?\]\]\s*)?(\w+)\s*(<)?', head)
    if kind and not re.search(r'\w\s*\(', head):
        return ('', '') if kind[2] else ('class', kind[1])
    function = re.search(r'(~?\w+)\s*\(', head)
    return ('function', function[1]) if function and '::' not in head[:function.start()][-2:] else ('', '')
