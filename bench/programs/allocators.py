"""The allocators that programs are run on: one line each."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Allocator:
    name: str             # as it stands over its columns
    library: Path = None  # to be preloaded; none: the system's own

    @property
    def reports(self):
        """Whether it answers BASALT_STATS."""
        return self.library is not None

    def environment(self, statistics):
        """What makes a process run on it, and each write down at its end, in `statistics`, how its heap stands."""
        if self.library is None:
            return {}
        return {"LD_PRELOAD": str(self.library), "BASALT_STATS": str(statistics)}


SYSTEM = Allocator("system")


def built_in(folder):
    """The allocators to compare, of a build whose libraries are in `folder`; the first is what the others are held to."""
    return [
        SYSTEM,
        Allocator("basalt", folder / "libbasalt.so"),
        Allocator("small kitchen", folder / "libbasalt-basic.so"),
    ]
