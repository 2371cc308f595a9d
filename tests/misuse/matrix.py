"""The matrix of misuse: which crime is noticed, by which library, through which function, by whose thread, on which heap."""

import itertools
import re
import subprocess
from collections import Counter
from dataclasses import dataclass

SIZES = {"16 B": 16, "1 KiB": 1 << 10, "40 KiB": 40 << 10, "1 MiB": 1 << 20, "64 MiB": 64 << 20}
THREADS = ("same", "other", "gone", "taken")
HEAPS = ("fresh", "aged", "threaded")
HEAPS_OF = {"engine": HEAPS, "hardened": HEAPS, "glibc": HEAPS[:2]}  # which waits for itself when threads meet what is broken
BITMAPS = ("16 B", "1 KiB")  # sizes of blocks that have a bit
REACH_BITMAPS = ("double-free", "double-free-later", "inside", "unaligned")  # crimes that do, if they are not noticed before

FREED = r"(double free|invalid pointer in (realloc|malloc_usable_size)): 0x… is free already"
FOREIGN = r"invalid pointer in \w+: 0x… was not allocated here"
INSIDE = r"invalid pointer in free: 0x… (is not the beginning of a block|lies inside a large block)"
MISMATCH = r"mismatched .*: 0x… came from .*, which goes with "
OVERFLOW = r"heap overflow: what lies behind the N bytes at 0x… was overwritten"
WRITTEN = r"use of free memory: the word at 0x…, N bytes into the free block at 0x…, was overwritten"
SIZE = r"invalid size in free_sized: 0x… has N (usable )?bytes and cannot have been asked for with N"
SENTENCES = {
    "double-free": (FREED, FOREIGN), "double-free-later": (FREED, FOREIGN), "double-free-reused": (FREED, FOREIGN, WRITTEN),
    "inside": (INSIDE,), "unaligned": (INSIDE,),
    "stack": (FOREIGN,), "global": (FOREIGN,), "mapping": (FOREIGN,), "wild": (FOREIGN,), "non-canonical": (FOREIGN,),
    "half-size": (SIZE,), "size-by-one": (SIZE,),
    "of-malloc": (MISMATCH,), "of-new": (MISMATCH,), "of-array": (MISMATCH,), "of-aligned": (MISMATCH,),
    "overflow": (OVERFLOW,), "overflow-next": (OVERFLOW, WRITTEN), "overflow-jump": (OVERFLOW, WRITTEN),
    "underflow": (OVERFLOW, WRITTEN), "write-freed": (WRITTEN,), "read-freed": (),
}
ANOTHERS = (INSIDE, SIZE, MISMATCH)  # of a block freed twice: meanwhile it was, or lay in, a block of one of the other threads

# What is certain: no run of these crimes, through whatever function, by any thread, on any heap, may have another outcome, as long as nobody
# has been given the memory. Who only asks for a size may be told that there is none.
CAUGHT = {"named", "none"}
FOREIGNERS = ("stack", "global", "mapping", "wild", "non-canonical")
MISUSED = ("inside", "unaligned", "double-free", "double-free-later", "double-free-reused", "half-size", "size-by-one", "of-malloc",
           "of-new", "of-array", "of-aligned", "overflow")
CERTAIN = {"hardened": FOREIGNERS + MISUSED, "engine": FOREIGNERS, "glibc": ()}
NEVER = {"hangs", "odd"}  # whatever the crime


@dataclass(frozen=True)
class Crime:
    name: str
    words: str
    about_block: bool
    apis: tuple

    @property
    def sizes(self):
        """A crime that is about no block of ours has one cell."""
        return list(SIZES) if self.about_block else list(SIZES)[:1]

    @property
    def threads(self):
        return THREADS if self.about_block else THREADS[:1]



@dataclass(frozen=True)
class Cell:
    crime: str
    api: str
    thread: str
    heap: str
    size: str

    @property
    def order(self):
        return "\t".join((self.crime, self.api, str(SIZES[self.size]), self.thread))


def build(compiler, source, program):
    subprocess.run([compiler, "-std=c++20", "-O1", "-fno-builtin", "-fsized-deallocation", "-pthread", source, "-o", program],
                   check=True)


def crimes(program):
    listed = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    fields = (line.split("\t") for line in listed.splitlines())
    return [Crime(name, words, about == "1", tuple(apis.split(","))) for name, words, about, apis in fields]


def cells(all_crimes, heap):
    for crime in all_crimes:
        for api, thread, size in itertools.product(crime.apis, crime.threads, crime.sizes):
            yield Cell(crime.name, api, thread, heap, size)


class Stage:
    """A process that commits crimes, each in a child of its own."""

    def __init__(self, program, environment, heap, seed):
        self.process = subprocess.Popen([program, "serve", heap, str(seed)], env=environment, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()

    def play(self, cell, runs):
        """Returns: how often each outcome came. One that is named by a sentence of ours that is none for the crime is misnamed."""
        self.process.stdin.write(f"{cell.order}\t{runs}\n")
        self.process.stdin.flush()
        outcomes = Counter()
        while (line := self.process.stdout.readline().rstrip("\n")) != ".":
            if not line:
                raise SystemExit(f"the stage is gone, at {cell}")
            kind, count, sentence = line.split("\t")
            outcomes[kind if fits(cell, sentence) else f'misnamed "{sentence}"'] += int(count)
        return outcomes


def fits(cell, sentence):
    ours = sentence.removeprefix("basalt: ")
    more = ANOTHERS if may_be_anothers(cell) else ()
    return ours == sentence or any(re.match(expected, ours) for expected in SENTENCES[cell.crime] + more)


def may_be_anothers(cell):
    """Whether another thread can have been given the memory before the crime was done: then it is that one's block which goes."""
    return cell.heap == "threaded" and cell.crime.startswith("double-free")


def certain(library, cell):
    """Whether the crime is CAUGHT whenever it is committed."""
    return cell.crime in CERTAIN[library] and not may_be_anothers(cell)


def broken(library, found):
    """Yields: a line for each cell in which something happened that must not."""
    for cell, outcomes in found.items():
        sure = certain(library, cell)
        wrong = [kind for kind in outcomes if kind.startswith("misnamed") or kind in NEVER or (sure and kind not in CAUGHT)]
        if wrong and library != "glibc":
            yield f"{library}: {cell}: {words(outcomes)}"


def words(outcomes):
    """Returns: the outcomes, the commonest first, with percentages and the number of runs unless there is one kind only."""
    kinds = outcomes.most_common()
    if len(kinds) == 1:
        return kinds[0][0]
    runs = outcomes.total()
    return f"{', '.join(f'{kind} {percent(count / runs)}' for kind, count in kinds)} of {runs:,}"


def percent(share):
    return f"{100 * share:.0f} %" if 0.01 <= share <= 0.99 else f"{100 * share:.2g} %" if share < 0.5 else f"{100 * share:.1f} %"


def alike(one, other):
    """Whether two cells may be told as one: the same single outcome, or shares within NEAR of each other."""
    if len(one) == 1 or len(other) == 1:
        return set(one) == set(other)
    return all(abs(one[kind] / one.total() - other[kind] / other.total()) <= NEAR for kind in one | other)


NEAR = 0.1


@dataclass
class Row:
    """One line of a table: all ways (functions x threads x heaps) in which a crime has these outcomes, size by size."""
    ways: tuple  # of sets of functions, threads, heaps
    found: list  # Counters, by size

    def absorbs(self, other, dimension):
        rest = [i for i in range(len(self.ways)) if i != dimension]
        if any(self.ways[i] != other.ways[i] for i in rest) or not all(map(alike, self.found, other.found)):
            return False
        self.ways = tuple(way | other.ways[i] if i == dimension else way for i, way in enumerate(self.ways))
        self.found = [one + two for one, two in zip(self.found, other.found)]
        return True


def rows(crime, heaps, found):
    """Returns: as few rows as do, for a crime; `found` has a Counter for each Cell."""
    ways = itertools.product(crime.apis, crime.threads, heaps)
    lines = [Row(tuple({name} for name in way), [found[Cell(crime.name, *way, size)] for size in crime.sizes]) for way in ways]
    for dimension in (2, 1, 0, 2, 1, 0):
        kept = []
        for line in lines:
            if not any(row.absorbs(line, dimension) for row in kept):
                kept.append(line)
        lines = kept
    return lines


def shown(names, full):
    return "any" if names == set(full) else ", ".join(name for name in full if name in names)


def table(all_crimes, heaps, found):
    lines = [f"| crime | to | by | heap | {' | '.join(SIZES)} |", "|---|---|---|---|" + "---|" * len(SIZES)]
    for crime in all_crimes:
        for row in rows(crime, heaps, found):
            ways = [shown(names, full) for names, full in zip(row.ways, (crime.apis, crime.threads, heaps))]
            ways = [crime.apis[0] if len(crime.apis) == 1 else ways[0], *ways[1:]]
            outcomes = [words(cell) for cell in row.found] + [""] * (len(SIZES) - len(crime.sizes))
            lines.append(f"| {' | '.join([crime.words, *ways, *outcomes])} |")
    return "\n".join(lines)


def bitmap_table(all_crimes, found):
    """What becomes of misuse that is to be noticed by a block's bit, by whose heap the block is of."""
    lines = [f"| crime | to | {' | '.join(THREADS)} |", "|---|---|" + "---|" * len(THREADS)]
    for crime in all_crimes:
        if crime.name not in REACH_BITMAPS:
            continue
        columns = {}
        for api in crime.apis:
            columns.setdefault(tuple(by_thread(crime, api, found)), []).append(api)
        for outcomes, apis in columns.items():
            lines.append(f"| {' | '.join([crime.words, shown(set(apis), crime.apis), *outcomes])} |")
    return "\n".join(lines)


def by_thread(crime, api, found):
    for thread in THREADS:
        pooled = sum((found[Cell(crime.name, api, thread, heap, size)] for heap in HEAPS for size in BITMAPS), Counter())
        yield " or ".join(kind for kind, _ in pooled.most_common())


def stated(page, library, all_crimes):
    """Yields: (Cell, text), for every cell that the page has of this library."""
    by_words = {crime.words: crime for crime in all_crimes}
    for line in part(page, library).splitlines():
        fields = [field.strip() for field in line.strip().strip("|").split("|")]
        crime = by_words.get(fields[0])
        if crime is None:
            continue
        ways = (full if field == "any" else field.split(", ")
                for field, full in zip(fields[1:4], (crime.apis, crime.threads, HEAPS_OF[library])))
        for way in itertools.product(*ways):
            for size, text in zip(crime.sizes, fields[4:]):
                yield Cell(crime.name, *way, size), text


def part(page, name):
    return page.split(f"<!-- {name}: begin -->")[1].split(f"<!-- {name}: end -->")[0]


def renewed(page, name, text):
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, rest = page.split(begin, 1)
    return f"{before}{begin}\n\n{text}\n\n{end}{rest.split(end, 1)[1]}"
