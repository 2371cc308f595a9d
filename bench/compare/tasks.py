"""What is measured: the workloads of bench/workloads, and the real programs of script/demo."""

import shlex
import shutil
from dataclasses import dataclass

from programs import PROGRAMS
from programs.program import Command

# Those that ask their question in several ways.
VARIANTS = {
    "batches": ("fifo", "lifo"),
    "false_sharing": ("active", "passive"),
    "producer_consumer": ("single", "batched"),
}
# The small kitchen would need minutes, or hours, where a list is long.
SMALL_KITCHEN_CAN = {"tiny_lifo", "large_buffers", "process_start", "false_sharing_active", "false_sharing_passive"}


@dataclass
class Workload:
    program: object
    variant: str
    scale: float

    @property
    def name(self):
        return self.program.name + (f"_{self.variant}" if self.variant else "")

    @property
    def question(self):
        return f"bench/workloads/{self.program.name}.cpp"

    def prepare(self, folder):
        folder.mkdir(parents=True)

    def commands(self, here):
        return [Command([self.program, self.scale, *([self.variant] if self.variant else [])])]


@dataclass
class RealProgram:
    program: object
    scale: float

    @property
    def name(self):
        return self.program.name

    @property
    def question(self):
        return self.program.work

    def prepare(self, folder):
        folder.mkdir(parents=True)
        self.program.prepare(folder, self.scale)

    def commands(self, here):
        return self.program.commands(here)


def all_tasks(folder, scale):
    """Returns: the tasks, and a sentence for each that cannot be had here."""
    tasks, missing = [], []
    for program in sorted(folder.iterdir()):
        for variant in VARIANTS.get(program.name, ("",)):
            tasks.append(Workload(program, variant, scale))
    for program in PROGRAMS:
        absent = [tool for tool in program.tools() if not shutil.which(tool)]
        if absent:
            missing.append(f"{program.name} is left out: not on PATH: {shlex.join(absent)}"
                           " (script/bootstrap demo installs them)")
        else:
            tasks.append(RealProgram(program, scale))
    return tasks, missing


def suits(task, peer):
    return peer.name != "small kitchen" or task.name in SMALL_KITCHEN_CAN
