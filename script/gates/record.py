"""What was run, with which outcome, on which sources: build/soak/record.json. So a run that was interrupted goes on."""

import hashlib
import json
import subprocess
import time
from pathlib import Path

SOURCES = ['src', 'include', 'tests', 'tools', 'bench', 'cmake', 'CMakeLists.txt']  # what the outcome depends on


def git(*words):
    return subprocess.run(['git', *words], capture_output=True, text=True, check=True).stdout


def state_of_sources():
    """A short name of the sources as they are, committed or not: another text means that all has to be run anew."""
    untracked = git('ls-files', '--others', '--exclude-standard', '--', *SOURCES)
    text = git('ls-tree', 'HEAD', '--', *SOURCES) + git('diff', 'HEAD', '--', *SOURCES) + untracked
    return hashlib.sha256(text.encode()).hexdigest()[:12]


class Record:
    """Of each piece of each part that passed on these sources: its figures, seconds and seed; and how long it took before."""

    def __init__(self, path, sources):
        self.path = Path(path)
        self.everything = json.loads(self.path.read_text()) if self.path.exists() else {'seconds': {}, 'sources': {}}
        self.commit = git('rev-parse', '--short', 'HEAD').strip()
        self.here = self.everything['sources'].setdefault(sources, {})

    def pieces(self, part):
        return self.here.get(part.name, {})

    def passed(self, part):
        """Whether nothing of it is left to do; a part without end has passed when one round of it has."""
        return len(self.pieces(part)) >= part.pieces

    def next_piece(self, part):
        """The number of the first piece that has not passed, from 1; of a part without end, that of the next round."""
        done = self.pieces(part)
        return next(number for number in range(1, len(done) + 2) if str(number) not in done)

    def note(self, part, piece, figures, seconds, seed):
        self.here.setdefault(part.name, {})[str(piece)] = {
            'figures': figures, 'seconds': round(seconds, 1), 'seed': seed, 'commit': self.commit,
            'date': time.strftime('%Y-%m-%d')}
        self.everything['seconds'][part.name] = round(seconds, 1)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix('.new')
        fresh.write_text(json.dumps(self.everything, indent=1) + '\n')
        fresh.replace(self.path)

    def seconds(self, part):
        """How long a piece takes: as long as the last one did; before there was one, what the part says."""
        return self.everything['seconds'].get(part.name, part.seconds)

    def seconds_spent(self, part):
        return sum(piece['seconds'] for piece in self.pieces(part).values())

    def seconds_left(self, part):
        return max(0, part.pieces - len(self.pieces(part))) * self.seconds(part)
