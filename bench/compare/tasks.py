"""What is measured: the workloads of bench/workloads, and the real programs of bench/programs."""

import shlex
import shutil
from dataclasses import dataclass

from programs import MEASURED
from programs.program import Command

# Those that ask their question in several ways.
VARIANTS = {
    "batches": ("fifo", "lifo"),
    "false_sharing": ("active", "passive"),
    "producer_consumer": ("single", "batched"),
    "scaling": ("1", "2", "64"),
    "tail": ("small", "mixed"),
}

# Of which kinds of task a mean is taken.
GROUPS = {"workloads": ("workload",), "programs": ("program",), "both": ("workload", "program")}


class Task:
    name = ""
    kind = ""                   # workload or program
    question_name = ""          # its name without the variant
    own_figure = False          # whether its answer is a figure of its own, and its cost none
    links_an_allocator = False  # as for programs


@dataclass
class Workload(Task):
    program: object
    variant: str
    scale: float
    kind = "workload"

    @property
    def name(self):
        return self.program.name + (f"_{self.variant}" if self.variant else "")

    @property
    def question_name(self):
        return self.program.name

    @property
    def question(self):
        return f"bench/workloads/{self.program.name}.cpp"

    @property
    def own_figure(self):
        return self.program.name in ("scaling", "tail")

    def prepare(self, folder):
        folder.mkdir(parents=True)

    def commands(self, here):
        return [Command([self.program, self.scale, *([self.variant] if self.variant else [])])]


@dataclass
class RealProgram(Task):
    program: object
    scale: float
    kind = "program"

    @property
    def name(self):
        return self.program.name

    @property
    def question(self):
        return self.program.work

    @property
    def links_an_allocator(self):
        return self.program.links_an_allocator

    def prepare(self, folder):
        folder.mkdir(parents=True)
        self.program.prepare(folder, self.scale * self.program.measured)

    def commands(self, here):
        return self.program.commands(here)


def all_tasks(folder, scale):
    """Returns: the tasks, and a sentence for each that cannot be had here."""
    tasks, missing = [], []
    for program in sorted(folder.iterdir()):
        for variant in VARIANTS.get(program.name, ("",)):
            tasks.append(Workload(program, variant, scale))
    for program in MEASURED:
        absent = [tool for tool in program.tools() if not shutil.which(tool)]
        if absent:
            missing.append(f"{program.name} is left out: not on PATH: {shlex.join(absent)}"
                           " (script/bootstrap demo bench installs them)")
        else:
            tasks.append(RealProgram(program, scale))
    return tasks, missing
