"""C and C++ files are formatted as .clang-format says, by clang-format 14.

One version, because each formats a little differently; and by a program, so that nobody argues about it.
"""

import re
import shutil
import subprocess

from checks.tree import CPP, Finding

RULES = ('clang-format', 'tool')


def formatter():
    """The command of clang-format 14, or None."""
    for command in ('clang-format-14', 'clang-format'):
        if shutil.which(command):
            version = subprocess.run([command, '--version'], capture_output=True, text=True, check=False).stdout
            if re.search(r'version 14\.', version):
                return command
    return None


def check(tree):
    command = formatter()
    if not command:
        yield Finding('.clang-format', 1, 'tool', 'clang-format 14 is not there: run script/bootstrap')
        return
    files = [path for path in tree.find(endings=CPP) if tree.selected(path)]
    if not files:
        return
    halves = [half for half in (files[::2], files[1::2]) if half]
    runs = [subprocess.Popen([command, '--dry-run', '--style=file', *half], cwd=tree.root, text=True,
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for half in halves]
    seen = set()
    for run in runs:
        for path, line in re.findall(r'^([^\s:][^:\n]*):(\d+):\d+: (?:warning|error):', run.communicate()[1], re.M):
            if path not in seen:
                seen.add(path)
                yield Finding(path, int(line), 'clang-format', f'run `{command} -i {path}`')
