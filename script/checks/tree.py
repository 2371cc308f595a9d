"""The files under check: those that git tracks, and those that it would take up."""

import fnmatch
import os
import re
import subprocess
from typing import NamedTuple

CPP = ('.c', '.cpp', '.h', '.hpp')
HEADERS = ('.h', '.hpp')


class Finding(NamedTuple):
    path: str    # relative to the root of the tree
    line: int    # from 1
    rule: str    # one of the RULES of the check
    advice: str  # what to do


def line_of(text, position):
    return text.count('\n', 0, position) + 1


class Tree:
    """A folder, and which of its files to report on. Paths are relative to the root, with '/'."""

    def __init__(self, root, selection=()):
        self.root = os.path.realpath(root)
        self.files = sorted(path for path in self._listed() if os.path.isfile(self.absolute(path)))
        self._file_set = set(self.files)
        self.folders = {folder for path in self.files for folder in _parents(path)}
        self._selection = [os.path.relpath(os.path.realpath(path), self.root) for path in selection]
        self._bytes = {}

    def _listed(self):
        command = ['git', '-C', self.root, 'ls-files', '-z', '--cached', '--others', '--exclude-standard']
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        if answer.returncode == 0:
            return {path for path in answer.stdout.split('\0') if path}
        return {os.path.relpath(os.path.join(folder, name), self.root)  # an unpacked release: no git
                for folder, _, names in os.walk(self.root) for name in names}

    def absolute(self, path):
        return os.path.join(self.root, path)

    def exists(self, path):
        return path in self.folders or path == '.' or path in self._file_set

    def selected(self, path):
        return not self._selection or any(
            chosen == '.' or path == chosen or path.startswith(chosen + '/') for chosen in self._selection)

    def find(self, under=(), endings=()):
        """The files in these folders (anywhere, if none is given) with these endings (any)."""
        return [path for path in self.files
                if (not under or path.startswith(tuple(folder + '/' for folder in under)))
                and (not endings or path.endswith(endings))]

    def matches(self, pattern):
        """Whether a file or folder has this path; `*` stands for anything within one name."""
        if '*' not in pattern:
            return self.exists(pattern)
        shape = re.compile(fnmatch.translate(pattern).replace('.*', '[^/]*'))
        return any(shape.match(path) for path in (*self.files, *self.folders))

    def bytes(self, path):
        if path not in self._bytes:
            with open(self.absolute(path), 'rb') as file:
                self._bytes[path] = file.read()
        return self._bytes[path]

    def text(self, path):
        return self.bytes(path).decode('utf-8', 'replace')

    def is_text(self, path):
        return b'\0' not in self.bytes(path)[:8192]

    def texts(self, under=(), endings=()):
        """Pairs of path and content, of the files that hold text."""
        return ((path, self.text(path)) for path in self.find(under, endings) if self.is_text(path))


def _parents(path):
    while '/' in path:
        path = path.rpartition('/')[0]
        yield path
