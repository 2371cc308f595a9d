"""Commits every crime of the matrix so many times, in pieces: what is done is kept, and an interrupted campaign goes on."""

import hashlib
import json
import os
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple
from pathlib import Path

import matrix

WORKERS = 4  # for each processor: crimes that threads commit wait for each other
SURE = 100  # runs that do where nothing is certain


class Ledger:
    """What was found in one library's heap. A round commits each crime once, by one process: the next one has other addresses and keys,
    and grows old in another way. A round that was interrupted goes on at the next cell."""

    def __init__(self, file):
        self.file, self.lock = file, threading.Lock()
        kept = json.loads(file.read_text()) if file.exists() else {"rounds": [], "cells": []}
        self.rounds = set(kept["rounds"])
        self.cells = {matrix.Cell(*fields): Counter(counts) for fields, counts in kept["cells"]}

    def begun(self, number):
        return self.file.with_suffix(f".{number}")

    def found_in(self, number):
        lines = self.begun(number).read_text().splitlines() if self.begun(number).exists() else []
        return {matrix.Cell(*fields): Counter(counts) for fields, counts in map(json.loads, lines)}

    def note(self, number, cell, outcomes):
        with self.begun(number).open("a") as begun:
            begun.write(json.dumps([astuple(cell), outcomes]) + "\n")

    def finish(self, number):
        with self.lock:
            for cell, outcomes in self.found_in(number).items():
                self.cells[cell] = self.cells.get(cell, Counter()) + outcomes
            self.rounds.add(number)
            unfinished = self.file.with_suffix(".unfinished")
            unfinished.write_text(json.dumps({"rounds": sorted(self.rounds),
                                              "cells": [[astuple(cell), counts] for cell, counts in self.cells.items()]}))
            unfinished.rename(self.file)
        self.begun(number).unlink()

    def known(self, cell):
        """Whether it is not certain what becomes of the crime, and how likely it is has been measured; or nobody ever noticed."""
        so_far = self.cells.get(cell, Counter())
        return so_far.total() >= SURE and (len(so_far) > 1 or set(so_far) == {"missed"})


class Campaign:
    def __init__(self, program, environments, folder):
        self.program, self.environments = program, environments
        self.crimes = matrix.crimes(program)
        Path(folder).mkdir(parents=True, exist_ok=True)
        self.ledgers = {(library, heap): Ledger(Path(folder, f"{library}-{self.digest(library)}-{heap}.json"))
                        for library in environments for heap in matrix.HEAPS_OF[library]}
        self.done, self.all = 0, 0  # cells of this run

    def digest(self, library):
        """Another library, or other crimes, begin anew."""
        preload = self.environments[library].get("LD_PRELOAD")
        return hashlib.sha256(self.program.read_bytes() + (Path(preload).read_bytes() if preload else b"")).hexdigest()[:12]

    def run(self, runs):
        """Effects: `runs` rounds were done. The first rounds of all come before the second ones."""
        rounds = [(number, *place) for number in range(1, runs + 1) for place, ledger in self.ledgers.items()
                  if number not in ledger.rounds and (place[0] != "glibc" or number <= SURE)]
        self.all = sum(1 for _, _, heap in rounds for _ in matrix.cells(self.crimes, heap))
        with ThreadPoolExecutor(WORKERS * os.cpu_count()) as workers:
            try:
                list(workers.map(lambda each: self.commit(*each), rounds))
            finally:
                workers.shutdown(cancel_futures=True)

    def commit(self, number, library, heap):
        ledger = self.ledgers[library, heap]
        before = ledger.found_in(number)
        with matrix.Stage(self.program, self.environments[library], heap, number) as stage:
            for cell in matrix.cells(self.crimes, heap):
                if cell not in before and not ledger.known(cell):
                    ledger.note(number, cell, stage.play(cell, 1))
                self.done += 1
        ledger.finish(number)

    def found(self, library):
        ledgers = [self.ledgers[library, heap] for heap in matrix.HEAPS_OF[library]]
        return {cell: outcomes for ledger in ledgers for cell, outcomes in ledger.cells.items()}

    def broken(self):
        """Returns: lines about what is certain, and was not."""
        return [line for library in self.environments for line in matrix.broken(library, self.found(library))]

    def write(self, page):
        """Effects: the tables of the page are those of what was found until now."""
        text = page.read_text()
        for library in self.environments:
            heaps = matrix.HEAPS_OF[library]
            if not all(self.ledgers[library, heap].rounds for heap in heaps):
                continue
            found = self.found(library)
            text = matrix.renewed(text, library, f"{figure(found)}\n\n{matrix.table(self.crimes, heaps, found)}")
            if library != "glibc":
                text = matrix.renewed(text, f"{library} bitmaps", matrix.bitmap_table(self.crimes, found))
        page.write_text(text)


def figure(found):
    """Returns: how much was done, in a sentence."""
    runs = sum(cell.total() for cell in found.values())
    settled = [cell.total() for cell in found.values() if len(cell) == 1 and "missed" not in cell]
    return (f"{runs:,} crimes in {len(found):,} cells, each a crime to one function by one thread on one heap in a block of one size. "
            f"{len(settled):,} cells have one outcome that is not *missed*: each has had it in {min(settled):,} of {min(settled):,} runs at least.")


def carry_out(campaign, runs, page):
    """Effects: the crimes are committed, and the tables written.  Returns: whether all that is certain was so, every time."""
    over = threading.Event()
    threading.Thread(target=tell, args=(campaign, over), daemon=True).start()
    try:
        campaign.run(runs)
    finally:
        over.set()
        campaign.write(page)
    broken = campaign.broken()
    settled = sum(outcomes.total() for library in campaign.environments for cell, outcomes in campaign.found(library).items()
                  if matrix.certain(library, cell))
    print(*broken, f"crimes: {settled:,} were of those that are noticed for certain; in {len(broken):,} cells something was not as it must be",
          sep="\n", flush=True)
    return not broken


def tell(campaign, over):
    """Effects: says how far it is, until it is over."""
    begin = time.monotonic()
    while not over.wait(10):
        share = campaign.done / max(campaign.all, 1)
        left = (time.monotonic() - begin) * (1 - share) / max(share, 1e-9)
        print(f"crimes: {campaign.done:,} of {campaign.all:,}, {left / 60:.0f} min left", flush=True)
