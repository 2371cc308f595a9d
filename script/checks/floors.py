"""Includes and link edges go down the floors of cmake/floors.txt, never up, never sideways unless listed there.

So each floor can be read, tested and shipped without those above it. Tests, tools, bench and examples are exempt:
they stand outside the house.

Link edges are read where a call names a floor outright: basalt_add_floor(basic USES source), or
target_link_libraries with targets such as basalt_basic, basalt_floor_basic, basalt::basic.
"""

import os
import re

from checks import cpp
from checks.tree import CPP, Finding, line_of

RULES = ('list', 'up', 'sideways', 'street', 'unknown-room', 'unresolved', 'relative', 'link')

LIST = 'cmake/floors.txt'
STREET = 'include'


class Floors:
    def __init__(self, text):
        self.number, self.extra, self.broken = {}, {}, []
        for index, line in enumerate(text.split('\n'), 1):
            words = line.split()
            if not words or words[0].startswith('#'):
                continue
            if not re.fullmatch(r'\d+( +[a-z][a-z0-9]*)+', line.strip()) or words[1] in self.number:
                self.broken.append(index)
                continue
            self.number[words[1]] = int(words[0])
            self.extra[words[1]] = set(words[2:])

    def fault(self, user, used):
        """The rule that forbids room `user` to use room `used`, or None."""
        if user == used or used in self.extra[user] or self.number[used] < self.number[user]:
            return None
        return 'sideways' if self.number[used] == self.number[user] else 'up'


def check(tree):
    if not tree.exists(LIST):
        yield Finding(LIST, 1, 'list', 'the list of the floors is missing')
        return
    floors = Floors(tree.text(LIST))
    for line in floors.broken:
        yield Finding(LIST, line, 'list', 'write: number, room, further rooms that it may use; each room once')
    for path, text in tree.texts(('src', STREET), CPP):
        yield from _includes(tree, floors, path, text)
    for path in tree.find(endings=('CMakeLists.txt', '.cmake')):
        if path.startswith(('src/', 'cmake/')) or path == 'CMakeLists.txt':
            yield from _links(floors, path, tree.text(path))


def _room(path):
    """The room of a file, STREET, or '' for what lies nowhere."""
    parts = path.split('/')
    if parts[0] == STREET:
        return STREET
    return parts[1] if parts[0] == 'src' and len(parts) > 2 else ''


def _includes(tree, floors, path, text):
    room = _room(path)
    if room != STREET and room not in floors.number:
        yield Finding(path, 1, 'unknown-room', f'put it into a room that {LIST} names, or add the room there')
        return
    for at, directive in cpp.directives(text):
        found = re.match(r'#\s*include\s*([<"])([^>"]+)[>"]', directive)
        if not found or found[1] == '<' and not found[2].startswith('basalt/'):
            continue
        line, name = line_of(text, at), found[2]
        target, relative = _resolve(tree, path, name, found[1])
        if not target:
            yield Finding(path, line, 'unresolved', f'no file of this tree is meant by "{name}"')
        elif not relative and room != STREET and _room(target) != STREET:
            yield Finding(path, line, 'relative', f'write "{os.path.relpath(target, os.path.dirname(path))}"')
        if target:
            yield from _edge(floors, path, line, room, target)


def _resolve(tree, path, name, quote):
    """The file that an include means, and whether it is found from the including file.

    A header that lies one folder deeper in the same room is a seam: the build chooses among several by its search
    path, as the doors choose the kitchen that they open to.
    """
    folder = os.path.dirname(path)
    own = os.path.normpath(os.path.join(folder, name))
    if quote == '"' and own in tree.files:
        return own, True
    deeper = re.compile(re.escape(folder) + r'/\w+/' + re.escape(name))
    seam = next(filter(deeper.fullmatch, tree.files), '')
    if quote == '"' and seam:
        return seam, True
    for folder in ('src', STREET):
        candidate = os.path.normpath(os.path.join(folder, name))
        if candidate in tree.files:
            return candidate, False
    return '', False


def _edge(floors, path, line, room, target):
    used = _room(target)
    if room == STREET:
        return
    if used == STREET:
        if floors.number[room] != max(floors.number.values()):
            yield Finding(path, line, 'street', f'only the top floor uses {STREET}/; include the room that it shows')
        return
    if used not in floors.number:
        return  # reported at that file
    fault = floors.fault(room, used)
    if fault:
        yield Finding(path, line, fault, f'{room} (floor {floors.number[room]}) must not include {used} '
                                         f'(floor {floors.number[used]}): move what is needed down, or list it '
                                         f'in {LIST}')


def _links(floors, path, text):
    text = re.sub(r'#[^\n]*', lambda comment: ' ' * len(comment[0]), text)
    for found in re.finditer(r'\b(?:target_link_libraries|(basalt_add_floor))\s*\(([^)]*)\)', text):
        prefix = '' if found[1] else r'basalt(?:::|[_-](?:floor[_-])?)'
        rooms = [re.fullmatch(prefix + '([a-z0-9]+)', word) for word in found[2].split()]
        rooms = [room[1] if room and room[1] in floors.number else '' for room in rooms]
        if not rooms or not rooms[0]:
            continue
        for used in filter(None, rooms[1:]):
            if floors.fault(rooms[0], used):
                yield Finding(path, line_of(text, found.start()), 'link',
                              f'{rooms[0]} must not link {used}: link edges go down, as {LIST} says')
