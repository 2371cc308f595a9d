"""What a document names exists: identifiers, files, verbs and their options, targets, environment variables.

A document that names what is gone sends its reader astray. Code spans of *.md are read. A name must occur as a word in
the tree outside the documents (in C++: outside comments), a path must lead somewhere, an option must occur in the
script that it is given to. In fences only what is surely ours is read: `script/…`, `BASALT_…`, `basalt::…`,
includes. Names of others (libc, tools, rivals) are listed, with what they are, in script/checks/known_names.txt;
`std::…` and names with two leading underscores need no entry. CHANGELOG.md is exempt: it names what was.
"""

import re

from checks import cpp, markdown
from checks.tree import CPP, Finding

RULES = ('dead-name', 'dead-path', 'dead-option', 'known-names', 'stale-known-name')

KNOWN = 'script/checks/known_names.txt'
OUTSIDE = (KNOWN, 'tests/house/check_test.py')  # these name what is not there
EXEMPT = ('CHANGELOG.md',)
ENDINGS = r'(?:hpp|h|cpp|c|md|txt|py|sh|cmake|json|ts|js|mjs|html|svg|png|csv|in|pc|yml|toml)'

_PATH = re.compile(r'^\.?[\w@*-][\w.@*+-]*(?:/[\w.@*+-]+)+/?$|^[\w@*+-][\w.@*+-]*/$|^[\w.@*+-]+\.' + ENDINGS + '$')
_VERB = re.compile(r'(?:\./)?(script/[\w-]+|\.ci/[\w-]+)')
_OPTION = re.compile(r'^--[a-z][\w-]*')
_NAME = re.compile(r'(?<![\w:.$%<-])~?[A-Za-z_]\w*(?:::~?[A-Za-z_][\w-]*)*')
_INCLUDE = re.compile(r'\s*#\s*include\s*["<](\w+)(/[^">]+)')
_OURS = re.compile(r'\bBASALT_[A-Z_]+\b|\bbasalt::[\w:-]*\w')


class Index:
    """What there is to be named."""

    def __init__(self, tree):
        self.tree, self.words, self.code, self.options = tree, set(), {}, {}
        for path, text in tree.texts():
            if path.endswith('.md') or path in OUTSIDE or len(text) > 512 * 1024:
                continue
            self.code[path] = cpp.without_comments(text) if path.endswith(CPP) else text
            self.words.update(re.findall(r'[A-Za-z_]\w*', self.code[path]))
            self.options[path] = set(re.findall(r'(?<![\w-])--[a-z][\w-]*', self.code[path]))
        self.stems = {part for path in tree.files for part in re.split(r'[/.]', path)}

    def has_name(self, name):
        if '-' in name:  # a target of the build
            tail = name.rpartition('::')[2]
            return any(name in text or tail in text for path, text in self.code.items() if 'make' in path.lower())
        return all(part.lstrip('~') in self.words or part in self.stems for part in name.split('::'))

    def has_path(self, path, document):
        folder = document.rpartition('/')[0]
        name = path.rstrip('/').removeprefix('./')
        bases = [base for base in (folder, '', 'src', 'include', 'include/basalt', 'tests') if base or not folder]
        return any(self.tree.matches(f'{base}/{name}'.lstrip('/')) for base in (*bases, '')) or (
            '/' not in name and any(file.endswith('/' + name) for file in self.tree.files))

    def has_option(self, option, verb):
        """Whether a verb, or the programs that it hands its arguments to, know an option; any file if no verb."""
        if not verb:
            return any(option in options for options in self.options.values())
        code = self.code.get(verb, '')
        called = re.findall(r'[\w./-]*\b((?:script|tools|bench|tests)/[\w./-]+)', code)
        modules = tuple(f'script/{name}/' for name in re.findall(r'python3 -m (\w+)', code))
        return any(option in options for path, options in self.options.items()
                   if path == verb or path in called or path.startswith((verb + 's/', verb + '/', *modules)))


def check(tree):
    index = Index(tree)
    known, broken = known_names(tree)
    used = set()
    for line in broken:
        yield Finding(KNOWN, line, 'known-names', 'write: name, blanks, what it is and whose')
    for path, text in tree.texts(endings=('.md',)):
        if path in EXEMPT:
            continue
        for line, rule, name in _dead(index, path, text):
            if name in known:
                used.add(name)
            else:
                yield Finding(path, line, rule, f'there is no {name}: name what is there, '
                                                f'or list a name of others in {KNOWN}')
    for name in sorted(set(known) - used):
        yield Finding(KNOWN, known[name], 'stale-known-name', f'no document needs {name} here: remove the line')


def known_names(tree):
    """Names of others with their lines, and the lines that have no reason."""
    known, broken = {}, []
    for number, line in enumerate(tree.text(KNOWN).split('\n') if tree.exists(KNOWN) else [], 1):
        words = line.split(None, 1)
        if not words or words[0] == '#':
            continue
        if len(words) == 2:
            known[words[0]] = number
        else:
            broken.append(number)
    return known, broken


def _dead(index, document, text):
    """Line, rule and name of what a document names and is not there."""
    for line, span in markdown.spans(text):
        for rule, name in _dead_in_span(index, document, span):
            yield line, rule, name
    for line in markdown.lines(text):
        if line.fence:
            for rule, name in _dead_in_fence(index, document, line):
                yield line.number, rule, name


def _dead_in_span(index, document, span):
    option = _OPTION.match(span)
    if _VERB.match(span):
        yield from _command(index, span)
    elif option and not index.has_option(option[0], ''):
        yield 'dead-option', option[0]
    elif not option:
        yield from _names(index, document, span)


def _dead_in_fence(index, document, line):
    include = _INCLUDE.match(line.text)
    ours = include and (include[1] == 'basalt' or index.tree.exists('src/' + include[1]))
    if ours and not index.has_path(include[1] + include[2], document):
        yield 'dead-path', include[1] + include[2]
    for name in _OURS.findall(line.text):
        if not index.has_name(name):
            yield 'dead-name', name
    if line.fence in ('sh', 'bash', 'console', 'shell', 'text'):
        yield from _command(index, line.text)


def _command(index, text):
    for part in re.split(r'&&|\|\||[;|]', text):
        part = re.sub(r'(?:^|\s)#.*', '', part).strip().removeprefix('$ ')
        words = part.split()
        verbs = [_VERB.fullmatch(word) for word in words]
        verb = next((found[1] for found in verbs if found), '')
        if not verb:
            continue
        if not index.tree.exists(verb):
            yield 'dead-path', verb
            continue
        own = words[:words.index('--')] if '--' in words else words
        for option in filter(None, (_OPTION.match(word.strip('[]')) for word in own)):
            if not index.has_option(option[0], verb):
                yield 'dead-option', option[0]


def _names(index, document, span):
    rest = []
    for word in _braces_expanded(span).split():
        if _PATH.match(word) and not word.startswith('build/'):
            if _meant_as_path(index, word) and not index.has_path(word, document):
                yield 'dead-path', word
        elif not re.match(r'^(?:[/~.$%-]|\w+://|build/)', word):
            rest.append(word)
    for found in _NAME.finditer(' '.join(rest)):
        name = found[0]
        if _is_code(name) and not name.startswith(('std::', '__')) and not index.has_name(name):
            yield 'dead-name', name


def _is_code(name):
    keyword = re.fullmatch(r'\w+_cast|static_assert|thread_local|co_\w+', name)
    return not keyword and ('_' in name.strip('_') or '::' in name or re.match(r'[A-Z][a-z]', name) is not None)


def _meant_as_path(index, word):
    """`read/write` is no path; `docs/tour.md`, `basic/` and `script/x` are."""
    first = word.removeprefix('./').split('/')[0]
    return bool(index.tree.exists(first) or word.endswith('/') or re.search(r'\.' + ENDINGS + '$', word))


def _braces_expanded(span):
    found = re.search(r'(\S*)\{([\w.,-]+,[\w.,-]+)\}(\S*)', span)
    if not found:
        return span
    each = ' '.join(found[1] + part + found[3] for part in found[2].split(','))
    return span[:found.start()] + each + span[found.end():]
