"""What docs/trust.md says becomes of each crime is so: what has one outcome, committed once more, on one of the three heaps each.

Looks at BASALT_PRELOAD, the library of this build."""

import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

SOURCE = os.environ["BASALT_SOURCE_DIR"]
LIBRARY = os.environ["BASALT_PRELOAD"]
sys.path.insert(0, os.path.join(SOURCE, "tests/misuse"))
sys.dont_write_bytecode = True

import matrix  # noqa: E402

SETTLED = {"named", "later", "hidden", "none"}  # what nobody notices, or the system does, may change from one machine to another
BY_CHANCE = {"engine": {"overflow-jump", "underflow", "double-free-reused"},  # whose outcomes are, whatever a page says that has seen few
             "hardened": {"overflow-jump", "underflow"}}
DIES = {"named", "later"}
ASK = {"malloc_usable_size", "fitting realloc"}
LEAST = {"engine": 300, "hardened": 700}  # cells that are settled


def is_chance(cell, library):
    """Whether the outcome is one; beside other threads, the memory of a long block may be theirs before the crime is done."""
    return cell.crime in BY_CHANCE[library] or (cell.heap == "threaded" and cell.size not in ("16 B", "1 KiB"))


def settled(page, library, crimes):
    cells = [(cell, text) for cell, text in matrix.stated(page, library, crimes)
             if text in SETTLED and not is_chance(cell, library)]
    turns = {way: turn for turn, way in enumerate(dict.fromkeys(cell.order for cell, _ in cells))}
    return [(cell, text) for cell, text in cells if turns[cell.order] % len(matrix.HEAPS) == matrix.HEAPS.index(cell.heap)]


def wrongs(program, environment, cells):
    """Returns: what is not as it is stated."""
    def on(heap):
        with matrix.Stage(program, environment, heap, seed=1) as stage:
            for cell, text in cells:
                if cell.heap == heap and set(found := stage.play(cell, 1)) != {text}:
                    yield f"{cell}: {', '.join(found)}, and the page says {text}"

    with ThreadPoolExecutor() as workers:
        return [wrong for wrongs_of_heap in workers.map(lambda heap: list(on(heap)), matrix.HEAPS) for wrong in wrongs_of_heap]


def alive(page, library):
    """Yields: lines about what reaches a bitmap that do not say that it dies there. Who asks for a size does not reach one, nor who
    reallocates to what fits, unless no block begins there."""
    for line in matrix.part(page, f"{library} bitmaps").splitlines()[4:]:
        fields = [field.strip() for field in line.strip().strip("|").split("|")]
        if len(fields) > 2 and not ASK.issuperset(fields[1].split(", ")):
            if not DIES.issuperset(word for field in fields[2:] for word in field.split(" or ")):
                yield line


def uncertain(page, library, crimes):
    """Yields: what the page says of crimes that are noticed for certain, and is not that."""
    for cell, text in matrix.stated(page, library, crimes):
        if matrix.certain(library, cell) and text not in matrix.CAUGHT:
            yield f"{cell}: {text}, which is to be certain"


def main():
    name = os.path.basename(LIBRARY)
    if "basic" in name:
        return 77  # the page is about the engine
    library = "hardened" if "hardened" in name else "engine"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("BASALT_")}
    environment.update(LD_PRELOAD=LIBRARY, BASALT_GUARD="off")  # as script/trust has it
    with open(os.path.join(SOURCE, "docs/trust.md"), encoding="utf-8") as file:
        page = file.read()
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "crimes")
        matrix.build(os.environ["CXX"], os.path.join(SOURCE, "tests/misuse/crimes.cpp"), program)
        all_crimes = matrix.crimes(program)
        cells = settled(page, library, all_crimes)
        wrong = [*alive(page, library), *uncertain(page, library, all_crimes), *wrongs(program, environment, cells)]
    print(*wrong, f"{len(cells)} cells, {len(wrong)} wrong", sep="\n")
    return 1 if wrong or len(cells) < LEAST[library] else 0


if __name__ == "__main__":
    sys.exit(main())
