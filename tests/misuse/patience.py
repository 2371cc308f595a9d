"""Valid operations, so many of them that a false alarm would have come: tests/misuse/valid.cpp, again and again."""

import hashlib
import json
import os
import subprocess
import time
from pathlib import Path

ROUND = 20  # seconds for one process


class Patience:
    """What was done is kept in a file; another library begins anew."""

    def __init__(self, program, library, environment, folder):
        self.program, self.library, self.environment = program, library, environment
        digest = hashlib.sha256(program.read_bytes() + Path(environment["LD_PRELOAD"]).read_bytes()).hexdigest()[:12]
        self.file = Path(folder) / f"valid-{library}-{digest}.json"
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.done = json.loads(self.file.read_text()) if self.file.exists() else {"operations": 0, "processes": 0}

    def round(self):
        """Effects: one process more; every other one has an aged heap.  Errors: if there is a word of complaint, this ends."""
        seed = self.done["processes"] + 1
        command = [self.program, str(ROUND), str(seed), *(["aged"] if seed % 2 == 0 else [])]
        ended = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        if ended.returncode != 0 or ended.stderr:
            raise SystemExit(f"{ended.stderr}\nscript/trust: a false alarm of {self.library}, or worse; again: {' '.join(map(str, command))}")
        self.done = {"operations": self.done["operations"] + int(ended.stdout), "processes": seed}
        self.file.write_text(json.dumps(self.done))

    def go_on(self, operations):
        begin, before = time.monotonic(), self.done["operations"]
        while self.done["operations"] < operations:
            self.round()
            rate = (self.done["operations"] - before) / (time.monotonic() - begin)
            left = max(0, operations - self.done["operations"]) / rate
            print(f"{self.library}: {self.done['operations']:,} valid operations, {left / 60:.0f} min left", flush=True)

    def words(self):
        return f"| {self.library} | {self.done['operations']:,} | {self.done['processes']:,} | none |"


def table(all_patience):
    return "\n".join(["| library | valid operations | processes | complaints |", "|---|---|---|---|", *(each.words() for each in all_patience)])
