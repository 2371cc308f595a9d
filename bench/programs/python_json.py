"""python3: JSON written, read again, regrouped; every object from malloc, as PYTHONMALLOC=malloc says."""

import os
import sys

from .program import Command, Program

SCRIPT = """\
import hashlib, json, random

random.seed(1)
users = [{"id": i, "name": "user%d" % random.randrange(N),
          "tags": [random.choice("abcdefgh") * 3 for _ in range(5)],
          "marks": [random.random() for _ in range(4)]} for i in range(N)]
text = json.dumps(users)
by_tag = {}
for user in json.loads(text):
    for tag in user["tags"]:
        by_tag.setdefault(tag, []).append(user)
again = json.dumps(by_tag, sort_keys=True)
print(len(text), len(again), hashlib.sha256(again.encode()).hexdigest())
for tag in sorted(by_tag):
    print(tag, len(by_tag[tag]), "%.6f" % max(max(user["marks"]) for user in by_tag[tag]))
"""


class PythonJson(Program):
    name = "python3"
    work = "JSON written, read and regrouped"
    measured = 40.0

    def prepare(self, folder, scale):
        (folder / "work.py").write_text(f"N = {int(400 * scale)}\n" + SCRIPT)

    def commands(self, folder):
        # The system's interpreter: what is on PATH may be a shell script in front of another.
        system = "/usr/bin/python3"
        interpreter = system if os.access(system, os.X_OK) else os.path.realpath(sys.executable)
        env = {"PYTHONMALLOC": "malloc", "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
        return [Command([interpreter, "work.py"], env=env)]
