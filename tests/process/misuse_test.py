"""What docs/trust.md says becomes of each crime is so: every cell with one outcome, committed once more.

Looks at BASALT_PRELOAD, the library of this build."""

import os
import sys
import tempfile

SOURCE = os.environ["BASALT_SOURCE_DIR"]
LIBRARY = os.environ["BASALT_PRELOAD"]
sys.path.insert(0, os.path.join(SOURCE, "tests/misuse"))
sys.dont_write_bytecode = True

import matrix  # noqa: E402

SETTLED = {"named", "later", "hidden"}  # what nobody notices, or the system does, may change from one machine to another


def main():
    name = os.path.basename(LIBRARY)
    if "basic" in name:
        return 77  # the page is about the engine
    library = "hardened" if "hardened" in name else "engine"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("BASALT_")}
    environment["LD_PRELOAD"] = LIBRARY
    with open(os.path.join(SOURCE, "docs/trust.md"), encoding="utf-8") as page:
        cells = [cell for cell in matrix.stated(page.read(), library) if cell[3] in SETTLED]
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "crimes")
        matrix.build(os.environ["CXX"], os.path.join(SOURCE, "tests/misuse/crimes.cpp"), program)
        by_words = {crime.words: crime for crime in matrix.crimes(program)}
        wrong = 0
        for words, thread, size, stated in cells:
            found = matrix.outcome(program, environment, by_words[words], size, thread, run=0)
            if found != stated:
                wrong += 1
                print(f"{words}, {size}, {thread}: {found}, and the page says {stated}", file=sys.stderr)
    print(f"{len(cells)} cells, {wrong} wrong")
    return 1 if wrong or len(cells) < 50 else 0


if __name__ == "__main__":
    sys.exit(main())
