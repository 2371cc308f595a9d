#!/usr/bin/env python3
"""Real programs with one request in ten between guard pages: the same output, and nothing to report."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

PRELOAD = os.environ["BASALT_PRELOAD"]
CXX = os.environ.get("CXX", "c++")

PYTHON = """
import json, re, threading
data = [{"name": str(i) * 5, "values": [i] * 3} for i in range(4000)]
assert json.loads(json.dumps(data)) == data
threads = [threading.Thread(target=lambda: re.sub("1", "2", json.dumps(data))) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(sum(len(re.findall("[0-9]+", str(row))) for row in data))
"""
SQL = """
create table t(a, b);
with recursive c(x) as (select 1 union all select x + 1 from c where x < 5000) insert into t select x, hex(x) || 'abc' from c;
create index i on t(b);
select substr(b, 1, 3), count(*), sum(a) from t where b like '%3%' group by 1 order by 2 desc, 1 limit 9;
"""
PERL = 'my %h; $h{$_ % 700} .= "x$_ " for 1..20000; print length(join("", map { $h{$_} } sort keys %h)), "\\n";'
CPP = """
#include <map>
#include <string>
#include <vector>
std::map<std::string, std::vector<int>> all;
int main() { for (int i = 0; i < 100; ++i) all[std::to_string(i)].push_back(i); return static_cast<int>(all.size()); }
"""


def expect(condition, what):
    if not condition:
        sys.exit(str(what))


def output(command, guard):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BASALT_")}
    if guard:
        environment.update(LD_PRELOAD=PRELOAD, BASALT_GUARD=guard)
    done = subprocess.run(command, capture_output=True, timeout=120, env=environment, check=False)
    return done.returncode, done.stdout, done.stderr


def check_programs(folder):
    source = folder / "program.cpp"
    source.write_text(CPP, encoding="ascii")
    commands = [[sys.executable, "-c", PYTHON], ["sqlite3", ":memory:", SQL], ["perl", "-e", PERL],
                [CXX, "-std=c++20", "-O1", "-S", str(source), "-o", "-"]]
    for command in commands:
        if shutil.which(command[0]) is None:
            print(f"not run here: {command[0]} is not installed")
            continue
        plain = output(command, None)
        expect(plain[0] == 0, plain)
        for guard in ("10", "1:4096"):
            expect(output(command, guard) == plain, f"{command[0]} with BASALT_GUARD={guard} differs")


def check_report():
    """A program that was never compiled for us, and a crime in it."""
    crime = ("import ctypes\nc = ctypes.CDLL(None)\nc.malloc.restype = ctypes.c_void_p\n"
             "p = c.malloc(1000)\nc.free(ctypes.c_void_p(p))\nctypes.string_at(p, 1)\n")
    status, _, said = output([sys.executable, "-c", crime], "1:4096")
    expect(status == -6, (status, said))
    lines = said.decode("ascii").splitlines()
    expect(lines[0].startswith("basalt: use after free: ") and
           lines[0].endswith(", 0 bytes into a block of 1000 bytes that was freed"), lines)
    for what in ("this happened", "allocated", "freed"):
        at = next(i for i, line in enumerate(lines) if line.startswith(f"  {what} in thread "))
        expect(lines[at + 1].startswith("    #0 0x") and "+0x" in lines[at + 1], lines)
        expect("libbasalt" not in lines[at + 1], lines)


def check_help():
    for guard, wanted in (("on", "Guard: live"), ("off", "Guard: guarding is off")):
        environment = dict(os.environ, LD_PRELOAD=PRELOAD, BASALT_HELP="1", BASALT_GUARD=guard)
        done = subprocess.run(["/bin/true"], capture_output=True, text=True, timeout=60, env=environment, check=True)
        expect(wanted in done.stderr.splitlines(), done.stderr)


if "basic" not in os.path.basename(PRELOAD):
    with tempfile.TemporaryDirectory(prefix="basalt-guard-") as directory:
        check_programs(pathlib.Path(directory))
    check_report()
    check_help()
