"""clang-tidy finds nothing in the files that changed, with the checks of .clang-tidy.

Only the files that changed since the branch left origin/main (or in the last ten commits, where there is no such
branch) or are not committed yet: a whole run takes minutes. A changed header is looked at through one file that
includes it, and what is for wasm is left to its own compiler. Flags come from build/dev/compile_commands.json if it is
there.
"""

import json
import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

from checks.tree import CPP, HEADERS, Finding

RULES = ('clang-tidy', 'tool')
ON_DEMAND = True

COMMANDS = 'build/dev/compile_commands.json'
LAST_COMMITS = 10


def check(tree):
    command = next(filter(shutil.which, ('clang-tidy-14', 'clang-tidy')), None)
    if not command:
        yield Finding('.clang-tidy', 1, 'tool', 'clang-tidy is not there: run script/bootstrap')
        return
    files = [path for path in changed(tree) if path in tree.files and path.endswith(CPP)
             and 'wasm' not in path and tree.selected(path)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        outputs = list(pool.map(lambda unit: _run(tree, command, unit, files), units(tree, files)))
    found = {}
    for output in outputs:
        for path, line, text in re.findall(r'^([^\s:][^:\n]*):(\d+):\d+: (?:warning|error): (.*)$', output, re.M):
            path = os.path.relpath(os.path.join(tree.root, path), tree.root)
            if path in tree.files:
                found[Finding(path, int(line), 'clang-tidy', text)] = None
    yield from found


def _git(tree, *words):
    answer = subprocess.run(['git', '-C', tree.root, *words], capture_output=True, text=True, check=False)
    return answer.stdout.strip() if answer.returncode == 0 else ''


def changed(tree):
    base = _git(tree, 'merge-base', 'HEAD', 'origin/main')
    if not base or base == _git(tree, 'rev-parse', 'HEAD'):
        base = _git(tree, 'rev-parse', '--verify', '--quiet', f'HEAD~{LAST_COMMITS}')
    committed = _git(tree, 'diff', '--name-only', base) if base else _git(tree, 'ls-files')
    return sorted({*committed.split('\n'), *_git(tree, 'ls-files', '--others', '--exclude-standard').split('\n')})


def units(tree, files):
    """The files to compile so that every one of `files` is seen: sources, and for headers one that includes them."""
    compiled = _compiled(tree)
    sources = [path for path in files if not path.endswith(HEADERS) and (not compiled or path in compiled)]
    seen = {header for source in sources for header in _includes(tree, source)}
    for header in (path for path in files if path.endswith(HEADERS)):
        if header in seen:
            continue
        user = next((path for path in sorted(compiled) if header in _includes(tree, path)), header)
        sources.append(user)
        seen |= {header, *_includes(tree, user)}
    return sources


def _compiled(tree):
    if not os.path.exists(tree.absolute(COMMANDS)):
        return set()
    with open(tree.absolute(COMMANDS), encoding='utf-8') as file:
        paths = {os.path.relpath(os.path.join(one['directory'], one['file']), tree.root) for one in json.load(file)}
    return paths & set(tree.files)


def _includes(tree, path, known=None):
    """The headers of the tree that a file includes, and they."""
    known = set() if known is None else known
    for name in re.findall(r'^\s*#\s*include\s*["<]([^">]+)', tree.text(path), re.M):
        for base in (os.path.dirname(path), 'src', 'include', 'tests'):
            header = os.path.normpath(os.path.join(base, name))
            if header in tree.files and header not in known:
                known.add(header)
                _includes(tree, header, known)
    return known


def _run(tree, command, unit, files):
    lines = json.dumps([{'name': path} for path in files])
    words = [command, '--quiet', '--header-filter=.*', f'--line-filter={lines}', unit]
    if unit in _compiled(tree):
        words += ['-p', os.path.dirname(COMMANDS), '--extra-arg=-Wno-unknown-warning-option']
    else:
        language = ['-x', 'c', '-std=c11'] if unit.endswith(('.c', '.h')) else ['-x', 'c++', '-std=c++20']
        seams = sorted({os.path.dirname(path) for path in tree.find(('src',), HEADERS) if path.count('/') > 2})
        folders = ['-I' + folder for folder in ('src', 'include', 'tests', *seams)]
        words += ['--', *language, *folders, '-fsized-deallocation', '-Wno-pragma-once-outside-header']
    return subprocess.run(words, cwd=tree.root, capture_output=True, text=True, check=False).stdout
