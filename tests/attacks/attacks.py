"""The attacks that are tried: which reaches what it is after, on which library, how often."""

import re
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

LIBRARIES = ("engine", "hardened", "glibc")
HERE = Path(__file__).parent
TIME = 20  # seconds for one try
SENTENCE = re.compile(rb"^(basalt: |free\(\)|double free|munmap_chunk|realloc\(\)|malloc\(\)|malloc_consolidate|corrupted|invalid|"
                      rb".*Assertion)", re.MULTILINE)  # ours, or glibc's


@dataclass(frozen=True)
class Attack:
    source: Path
    words: str
    has: str
    reaches: str
    never: tuple
    efforts: tuple

    def rows(self):
        """Yields: the effort, and the words for the attack with that effort, as the page has them."""
        words = f"[{self.words}](../tests/attacks/{self.source.name})"
        for effort in self.efforts:
            yield effort, words if len(self.efforts) == 1 else f"{words}, {int(effort):,}"


def heading(text, name):
    line = re.search(rf"^// {name}: *(.*)$", text, re.MULTILINE)
    return line.group(1) if line else ""


def attacks():
    """Returns: all of them. A head without one of the lines that it must have ends this."""
    found = []
    for source in sorted([*HERE.glob("*.c"), *HERE.glob("*.cpp")]):
        text = source.read_text(encoding="utf-8")
        words, has, reaches = (heading(text, name) for name in ("attack", "has", "reaches"))
        if not (words and has and reaches and re.search("^// never:", text, re.MULTILINE)):
            raise SystemExit(f"{source}: its head lacks a line; see attack.h")
        efforts = tuple(heading(text, "efforts").split()) or ("1",)
        found.append(Attack(source, words, has, reaches, tuple(heading(text, "never").split()), efforts))
    return found


def build(c_compiler, cxx_compiler, attack, folder):
    """Returns: the program, built in the folder."""
    program = Path(folder) / attack.source.stem
    cxx = attack.source.suffix == ".cpp"
    language = [cxx_compiler, "-std=c++20", "-fsized-deallocation"] if cxx else [c_compiler, "-std=gnu11"]
    subprocess.run([*language, "-O1", "-fno-builtin", "-pthread", attack.source, "-o", program], check=True)
    return program


def outcome(program, environment, effort):
    """Returns: reached, named (refused with a sentence), fault (the system ended it) or nothing."""
    try:
        done = subprocess.run([program, effort], env=environment, capture_output=True, timeout=TIME, check=False)
    except subprocess.TimeoutExpired:
        return "hangs"
    if b"attack: reached\n" in done.stdout:
        return "reached"
    if SENTENCE.search(done.stderr):
        return "named"
    if done.returncode < 0:
        return "ends" if done.returncode == -signal.SIGABRT else "fault"
    return "nothing" if b"attack: nothing\n" in done.stdout else f"exit status {done.returncode}"


def cell(outcomes):
    """Returns: the outcomes in words, the commonest first, with percentages unless there is one kind only."""
    kinds = sorted(set(outcomes), key=lambda kind: -outcomes.count(kind))
    if len(kinds) == 1:
        return kinds[0]
    return ", ".join(f"{kind} {100 * outcomes.count(kind) / len(outcomes):.0f} %" for kind in kinds)


def table(found):
    """Returns: the table; `found` has for each row its words, and a cell for each library."""
    lines = ["| attack | the engine | the hardened library | glibc |", "|---|---|---|---|"]
    lines += [f"| {words} | {' | '.join(cells)} |" for words, cells in found]
    return "\n".join(lines)


def stated(page):
    """Returns: {words: {library: cell}} as the page has it."""
    part = page.split("<!-- attacks: begin -->")[1].split("<!-- attacks: end -->")[0]
    rows = {}
    for line in part.splitlines():
        fields = [field.strip() for field in line.strip().strip("|").split("|")]
        if len(fields) == 1 + len(LIBRARIES) and fields[1] not in ("the engine", "---"):
            rows[fields[0]] = dict(zip(LIBRARIES, fields[1:]))
    return rows
