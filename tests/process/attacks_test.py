"""What docs/threat-model.md says becomes of each attack is so, and what must never succeed does not.

Looks at BASALT_PRELOAD, the library of this build."""

import os
import sys
import tempfile

SOURCE = os.environ["BASALT_SOURCE_DIR"]
LIBRARY = os.environ["BASALT_PRELOAD"]
sys.path[:0] = [os.path.join(SOURCE, "tests/attacks"), os.path.join(SOURCE, "tests/misuse")]
sys.dont_write_bytecode = True

import attacks  # noqa: E402

RUNS = 3
EXCEPTIONS = 1  # of the runs, where what was settled a hundred times is a matter of chance all the same
OUTCOMES = {"reached", "named", "nothing", "fault"}
SETTLED = {"named", "nothing"}  # in all runs of the page
REAL = 8  # attacks at least that the page has seen succeed on the system's allocator


def kitchen():
    name = os.path.basename(LIBRARY)
    return "basic" if "basic" in name else "hardened" if "hardened" in name else "engine"


def wrongs(library, page, folder):
    """Yields: what is not as it is stated."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("BASALT_")}
    environment.update(LD_PRELOAD=LIBRARY, BASALT_GUARD="off")  # as script/trust has it
    for attack in attacks.attacks():
        program = attacks.build(os.environ["CC"], os.environ["CXX"], attack, folder)
        for effort, words in attack.rows():
            if words not in page:
                yield f"{words}: not on the page; run script/trust"
                continue
            never = library in attack.never
            stated = page[words][library]
            found = [attacks.outcome(program, environment, effort) for _ in range(RUNS)]
            if never and "reached" in found:
                yield f"{words}: reached, which must never be"
            if stated in SETTLED and found.count(stated) < RUNS - (0 if never else EXCEPTIONS):
                yield f"{words}: {found}, and the page says {stated}"
            if not OUTCOMES.issuperset(found):
                yield f"{words}: {found}"


def main():
    library = kitchen()
    if library == "basic":
        return 77  # the page is about the engine
    with open(os.path.join(SOURCE, "docs/threat-model.md"), encoding="utf-8") as file:
        page = attacks.stated(file.read())
    with tempfile.TemporaryDirectory() as folder:
        wrong = list(wrongs(library, page, folder))
    real = sum("reached" in cells["glibc"] for cells in page.values())
    if real < REAL:
        wrong.append(f"only {real} attacks are seen to succeed anywhere")
    print(*wrong, f"{len(page)} attacks, {len(wrong)} wrong", sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
