"""What a program is: commands over generated input, whose output can be compared."""

import os
import random
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Command:
    """One process to start, with what it reads on its standard input."""

    argv: list
    stdin: Path = None
    env: dict = field(default_factory=dict)


class Program:
    """A real program at real work. One file of this folder holds one of them.

    `scale` says how much work: 1 is the demo's, a test takes a small part of it. The same scale gives the same
    input, byte for byte, on every machine.
    """

    name = ""  # as it is called in tables and on the command line
    work = ""  # what it does, in a few words
    measured = 1.0  # how much more of it is measured than shown: the demo has to end on the small kitchen too
    links_an_allocator = False  # whether it is linked to another than the system's

    def tools(self):
        """The commands that have to be on PATH."""
        return [self.name]

    def prepare(self, folder, scale):
        """Writes the input into `folder`, which is fresh and becomes the working directory."""

    def commands(self, folder):
        """The commands to run there, in order."""
        raise NotImplementedError

    def produces(self, folder):
        """The files, besides what is printed, whose bytes count as output."""
        return []

    def normalise(self, output):
        """`output` without what no two runs share: times, process ids, addresses. None of ours prints any."""
        return output


def randomness(program):
    """The source of a program's input: the same on every machine."""
    return random.Random(f"basalt {program.name}")


def environment(folder):
    """All that a program gets to know of the machine."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "LC_ALL": "C",
        "TZ": "UTC",
    }
