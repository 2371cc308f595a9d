"""The matrix of misuse: which crime is noticed, by which library, in blocks of which size, by whose thread."""

import re
import subprocess
from dataclasses import dataclass

SIZES = {"16 B": 16, "1 KiB": 1 << 10, "40 KiB": 40 << 10, "1 MiB": 1 << 20, "64 MiB": 64 << 20}
THREADS = {"same": "the thread that allocated", "other": "another thread", "gone": "the allocating thread has ended"}
OWN = re.compile(rb"^basalt: ", re.MULTILINE)
OF_LIBC = re.compile(rb"^(free\(\)|double free|munmap_chunk|realloc\(\)|malloc\(\)|malloc_consolidate|corrupted|invalid|"
                     rb".*Assertion)", re.MULTILINE)
TIME = 20  # seconds for one crime


@dataclass(frozen=True)
class Crime:
    name: str
    words: str
    wants_block: bool

    @property
    def sizes(self):
        """A crime that is about no block of ours has one cell."""
        about_none = self.name in ("free-stack", "free-global", "free-mapping", "free-wild")
        return list(SIZES)[:1] if about_none else list(SIZES)

    @property
    def threads(self):
        return list(THREADS) if self.wants_block else list(THREADS)[:1]


def build(compiler, source, program):
    subprocess.run([compiler, "-std=c++20", "-O1", "-fno-builtin", "-fsized-deallocation", "-pthread", source, "-o", program],
                   check=True)


def crimes(program):
    listed = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    return [Crime(name, words, wants == "1") for name, words, wants in (line.split("\t") for line in listed.splitlines())]


def outcome(program, environment, crime, size, thread, run):
    """Returns: what became of the crime: named (at once), later, hidden, fault, or missed. Every other heap is an aged one."""
    try:
        done = subprocess.run([program, crime.name, str(SIZES[size]), thread, str(2000 * (run % 2) + run)], env=environment,
                              capture_output=True, timeout=TIME, check=False)
    except subprocess.TimeoutExpired:
        return "hangs"
    said = OWN.search(done.stderr) or OF_LIBC.search(done.stderr)
    if said and (done.returncode == -6 or b"left alone" in done.stderr):
        return "later" if b"committed\n" in done.stderr[:said.start()] else "named"
    if done.returncode == 4:
        return "hidden"
    if done.returncode < 0:
        return "fault"
    return "missed"


def cell(outcomes):
    """Returns: the outcomes in words, the commonest first, with percentages unless there is one kind only."""
    kinds = sorted(set(outcomes), key=lambda kind: -outcomes.count(kind))
    if len(kinds) == 1:
        return kinds[0]
    return ", ".join(f"{kind} {100 * outcomes.count(kind) / len(outcomes):.0f} %" for kind in kinds)


def rows(program, environment, runs, say=lambda words: None):
    """Yields: the words of each crime, the thread, and a cell for each size."""
    for crime in crimes(program):
        for thread in crime.threads:
            cells = []
            for size in crime.sizes:
                say(f"{crime.name}, {size}, {thread}")
                cells.append(cell([outcome(program, environment, crime, size, thread, run) for run in range(runs)]))
            yield crime, thread, cells


def table(found):
    lines = [f"| crime | by | {' | '.join(SIZES)} |", "|---|---|" + "---|" * len(SIZES)]
    for crime, thread, cells in found:
        lines.append(f"| {crime.words} | {thread} | {' | '.join(cells + [''] * (len(SIZES) - len(cells)))} |")
    return "\n".join(lines)


def stated(page, library):
    """Yields: (words, thread, size, cell) as the page has them for this library."""
    part = page.split(f"<!-- {library}: begin -->")[1].split(f"<!-- {library}: end -->")[0]
    for line in part.splitlines():
        fields = [field.strip() for field in line.strip().strip("|").split("|")]
        if len(fields) >= 2 + len(SIZES) and fields[1] in THREADS:
            for size, text in zip(SIZES, fields[2:]):
                if text:
                    yield fields[0], fields[1], size, text


def renewed(page, library, text):
    begin, end = f"<!-- {library}: begin -->", f"<!-- {library}: end -->"
    before, rest = page.split(begin, 1)
    return f"{before}{begin}\n\n{text}\n\n{end}{rest.split(end, 1)[1]}"
