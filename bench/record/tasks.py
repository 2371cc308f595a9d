"""What is recorded: four real programs, two threads that pass blocks to each other, and the loop that does nothing but allocate."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from compare.tasks import RealProgram, Task, Workload
from programs.cxx_compile import CxxCompile
from programs.program import Command
from programs.python_json import PythonJson
from programs.redis_server import RedisServer
from programs.sqlite_query import SqliteQuery

THREADS_SCALE = 0.2  # nothing but allocations: a second of them is long enough to record


class Compiler(CxxCompile):
    """The compiler proper: what is usually typed starts it as a process of its own, and only one process is recorded."""

    work = "compiling a file with several standard headers (cc1plus)"

    def prepare(self, folder, scale):
        super().prepare(folder, scale)
        subprocess.run(["g++", "-std=c++17", "-E", "work.cpp", "-o", "work.ii"], cwd=folder, check=True)

    def commands(self, folder):
        compiler = subprocess.run(["g++", "-print-prog-name=cc1plus"], capture_output=True, text=True, check=True)
        return [Command([compiler.stdout.strip(), "-quiet", "-fpreprocessed", "-std=c++17", "-O1", "work.ii", "-o", "work.s"])]


@dataclass
class Loop(Task):
    program: Path
    scale: float
    name = "loop"
    question = "bench/record/calls.cpp"

    def prepare(self, folder):
        folder.mkdir(parents=True)

    def commands(self, here):
        return [Command([self.program, self.scale])]


def all_tasks(build, scale):
    """Returns: the tasks, and a sentence for each that cannot be had here."""
    threads = Workload(build / "workloads" / "producer_consumer", "batched", THREADS_SCALE * scale)
    tasks, missing = [Loop(build / "record" / "calls", scale), threads], []
    for program in (PythonJson(), Compiler(), RedisServer(), SqliteQuery()):
        absent = [tool for tool in program.tools() if not shutil.which(tool)]
        if absent:
            missing.append(f"{program.name} is left out: {', '.join(absent)} is not on PATH")
        else:
            tasks.append(RealProgram(program, scale))
    return tasks, missing
