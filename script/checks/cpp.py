"""Reads C++ as far as the checks need it: what is comment, what is a string, where a function begins and ends.

It is a scanner and no parser: it knows brackets, the head before a brace, and nothing of types. Every text that it
gives back has the length and the lines of the text that it was given, so that positions stay true.
"""

import re
from functools import lru_cache
from typing import NamedTuple

_TOKEN = re.compile(r'''
    (?P<comment>//(?:[^\n\\]|\\.)*|/\*.*?(?:\*/|\Z))
  | (?P<raw>(?:u8|[uUL])?R"(?P<mark>[^()\\\s]{0,16})\(.*?\)(?P=mark)")
  | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)+')
  | \.?\d(?:[\w.]|'(?=\w)|(?<=[eEpP])[+-])*
  | [A-Za-z_]\w*
''', re.S | re.X)
_DIRECTIVE = re.compile(r'^[ \t]*#(?:[^\n\\]|\\.)*', re.S | re.M)


def blank(text):
    return re.sub(r'[^\n]', ' ', text)


@lru_cache(maxsize=None)
def without_comments(text):
    return _TOKEN.sub(lambda found: blank(found[0]) if found['comment'] else found[0], text)


@lru_cache(maxsize=None)
def code_only(text):
    """Neither comments nor the insides of strings."""
    def replace(found):
        whole = found[0]
        if found['comment']:
            return blank(whole)
        if found['raw'] or found['string']:
            return whole[0] + blank(whole[1:-1]) + whole[-1]
        return whole
    return _TOKEN.sub(replace, text)


def comments(text):
    """Pairs of position and text of the comments."""
    return [(found.start(), found[0]) for found in _TOKEN.finditer(text) if found['comment']]


def directives(text):
    """Pairs of position and text of the preprocessor's lines."""
    shown = without_comments(text)
    return [(found.start(), shown[found.start():found.end()].strip()) for found in _DIRECTIVE.finditer(code_only(text))]


def closing(text, position):
    """The position of the bracket that closes the one at `position`; the end of the text if none does."""
    opener = text[position]
    closer = {'(': ')', '[': ']', '{': '}', '<': '>'}[opener]
    depth = 0
    for found in re.compile('[' + re.escape(opener + closer) + ']').finditer(text, position):
        depth += 1 if found[0] == opener else -1
        if depth == 0:
            return found.start()
    return len(text)


def split_arguments(text):
    """The parts of a text between commas that stand outside brackets."""
    parts, depth, last = [], 0, 0
    for found in re.finditer(r'[()\[\]{}<>,]', text):
        if found[0] in '([{<':
            depth += 1
        elif found[0] in ')]}>':
            depth -= 1
        elif depth <= 0:
            parts.append(text[last:found.start()].strip())
            last = found.end()
    parts.append(text[last:].strip())
    return [part for part in parts if part]


class Block(NamedTuple):
    kind: str   # 'namespace', 'class', 'function', or 'other': an initialiser, a requires-expression
    name: str
    begin: int  # the first character of its head
    end: int    # one past its closing brace
    depth: int  # blocks around it


def blocks(text):
    """The blocks outside functions and the functions themselves, outermost first.

    A lambda belongs to the function around it. If the branches of a conditional do not balance each by itself, only
    the first branch of each is read.
    """
    code = code_only(text)
    flat = _DIRECTIVE.sub(lambda found: blank(found[0]), code)
    found, balanced = _scan(flat)
    return found if balanced else _scan(_first_branches(code))[0]


def functions(text):
    return [block for block in blocks(text) if block.kind == 'function']


def _first_branches(code):
    lines, live = [], []
    for line in code.split('\n'):
        directive = re.match(r'\s*#\s*(\w+)', line)
        word = directive[1] if directive else ''
        if word in ('if', 'ifdef', 'ifndef'):
            live.append(True)
        elif word in ('elif', 'else') and live:
            live[-1] = False
        elif word == 'endif' and live:
            live.pop()
        lines.append(line if all(live) and not directive else ' ' * len(line))
    return '\n'.join(lines)


def _scan(code):
    found, stack, parens, head, balanced = [], [], 0, 0, True
    in_function = 0
    for match in re.finditer(r'[{}();]', code):
        character, at = match[0], match.start()
        if character == '(':
            parens += 1
        elif character == ')':
            parens = max(0, parens - 1)
        elif character == ';' and parens == 0:
            head = at + 1
        elif character == '{':
            kind, name, begin = ('other', '', head) if in_function or parens else _classify(code, head, at)
            stack.append((kind, name, begin, head, parens))
            in_function += kind == 'function'
            parens, head = 0, at + 1
        elif character == '}':
            if not stack:
                return found, False
            kind, name, begin, outer_head, parens = stack.pop()
            in_function -= kind == 'function'
            if not in_function:
                found.append(Block(kind, name, begin, at + 1, len(stack)))
            head = outer_head if kind == 'other' and not in_function else at + 1
    balanced = not stack
    return sorted(found, key=lambda block: (block.begin, -block.end)), balanced


_PARENS, _BRACES = '\x02', '\x01'
_OPERATOR = re.compile(r'\boperator\s*(?:\(\s*\)|\[\s*\]|""\s*\w+|[-+*/%^&|~!=<>,]+)')
_LABEL = re.compile(r'\s*(?:public|private|protected)\s*:(?!:)')


def _collapse(head):
    head = _OPERATOR.sub('operator_', re.sub(r'\[\[.*?\]\]', ' ', head, flags=re.S))
    for pattern, mark in ((r'\{[^{}]*\}', _BRACES), (r'\([^()]*\)', _PARENS), (r'(?<!-)<[^<>]*(?<!-)>', ' ')):
        count = 1
        while count:
            head, count = re.subn(pattern, mark, head)
    return re.sub(r'\btemplate\b', ' ', head).strip()


def _classify(code, head, at):
    """What a brace at `at` opens, from the text of its declaration so far: kind, name, first character."""
    label = _LABEL.match(code, head, at)
    while label:
        head = label.end()
        label = _LABEL.match(code, head, at)
    begin = head + len(code[head:at]) - len(code[head:at].lstrip())
    text = _collapse(code[begin:at])
    if re.search(r'\brequires$|(?:\brequires|[=!(]|&&|\|\|)\s*requires\s*' + _PARENS + '$', text):
        return 'other', '', begin
    text = re.sub(r'\b(alignas|__attribute__|explicit|decltype|requires|noexcept)\s*' + _PARENS, ' ', text).strip()
    if not text or re.search(r'\bconcept\b', text):
        return 'other', '', begin
    space = re.search(r'\bnamespace\b\s*(?:inline\s+)?([\w:]*)$|^extern\s*"[^"]*"$', text)
    if space:
        return 'namespace', space[1] or '', begin
    type_name = re.search(r'\b(?:enum\s+class|enum\s+struct|class|struct|union|enum)\b\s*([\w:]*)', text)
    if type_name and _PARENS not in text[type_name.end():] and '=' not in text:
        return 'class', type_name[1], begin
    return (*_function_or_not(text), begin)


def _function_or_not(text):
    if '=' in text:
        left, _, right = text.rpartition('=')
        if re.search(r'\[[^\]]*\]\s*' + _PARENS + '?', right):  # a lambda that has a name
            return 'function', (re.findall(r'\w+', left) or [''])[-1]
        return 'other', ''
    signature = re.search(r'(operator\s+[\w:]+[\s*&]*|[\w:~]+)\s*' + _PARENS, text)
    if not signature:
        return 'other', ''
    members = re.search(_PARENS + r'[^:]*(?<!:):(?!:)', text)  # `: first_(…), second_{…}`
    if members and not text.endswith((_PARENS, _BRACES, '...')):
        return 'other', ''
    return 'function', signature[1].strip()
