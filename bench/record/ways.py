"""The ways to run a program: as it is, on the engine, and recorded."""

import json
from dataclasses import dataclass
from pathlib import Path

from compare.peers import package_version, said


@dataclass(frozen=True)
class Way:
    """What `compare` knows as a peer."""

    name: str
    library: Path = None    # to be preloaded
    tool: Path = None       # ours, if it records
    options: tuple = ()
    heaptrack: str = ""     # the path of that, if it records
    small_kitchen = False

    def environment(self, task=None):
        """Recorders preload what they need. A program that is linked to another allocator is to use the system's."""
        if self.tool or not (self.library or (task and task.links_an_allocator)):
            return {}
        return {"LD_PRELOAD": str(self.library or "libc.so.6")}

    def wrapped(self, argv, folder):
        if self.tool:
            return [self.tool, "record", "--quiet", *self.options, "-o", trace_in(folder), "--", *argv]
        return [self.heaptrack, "-o", trace_in(folder), *argv] if self.heaptrack else argv

    def told(self, folder):
        """Effects: the trace of the last run is gone.  Returns: its length, and the number of events if it is ours."""
        found = sorted(folder.glob("trace*"))
        if not found:
            return {}
        told = {"trace_bytes": sum(path.stat().st_size for path in found)}
        if self.tool:
            about = json.loads(said(self.tool, "info", "--json", trace_in(folder)))
            told |= {"events": about["events"], "whole": about["ending"] == "whole"}
        for path in found:
            path.unlink()
        return told


def trace_in(folder):
    return folder / "trace"


def all_ways(build, heaptrack):
    tool = build / "bin" / "basalt"
    ways = [
        Way("bare"),
        Way("basalt", build / "lib" / "libbasalt.so"),
        Way("no stacks", tool=tool, options=("--unwind", "none")),
        Way("stacks", tool=tool),
        Way("all", tool=tool, options=("--time", "--pointers")),
    ]
    return [*ways, Way("heaptrack", heaptrack=heaptrack)] if heaptrack else ways


def heaptrack_version(path):
    return package_version(path) if path else ""
