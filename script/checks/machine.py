"""Nothing that a machine built is committed, and nothing huge.

A repository is cloned by everybody for ever; what can be built again is built again.
"""

from checks.tree import Finding

RULES = ('built', 'huge')

LIMIT = 512 * 1024
ENDINGS = ('.o', '.a', '.so', '.wasm', '.pyc', '.gcda', '.gcno', '.profraw', '.exe', '.dll', '.dylib', '.class')
MAGIC = (b'\x7fELF', b'\0asm', b'!<arch>\n', b'\xcf\xfa\xed\xfe', b'BC\xc0\xde')


def check(tree):
    for path in tree.files:
        content = tree.bytes(path)
        if path.endswith(ENDINGS) or content.startswith(MAGIC):
            yield Finding(path, 1, 'built', 'remove it, and let the build make it')
        elif len(content) > LIMIT:
            yield Finding(path, 1, 'huge', f'{len(content) // 1024} KiB; {LIMIT // 1024} are allowed: '
                                           'make it smaller, or let a script make it')
