"""Builds what a part needs, and runs one piece of it."""

import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from gates import figures

LOGS = Path('build/soak/logs')
SKIPPED = re.compile(r'^\s*\d+ - (\S+) \(Skipped\)$', re.M)
PASSED = re.compile(r'^\d+% tests passed, \d+ tests failed out of (\d+)', re.M)
INPUTS = re.compile(r'^stat::number_of_executed_units: (\d+)', re.M)


@dataclass
class Outcome:
    passed: bool
    seconds: float
    log: Path
    figures: dict = field(default_factory=dict)


def build(part):
    """Returns: whether everything the part needs could be built."""
    for preset, targets in part.builds:
        log = LOGS / f'build-{preset}.log'
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open('w') as out:
            if subprocess.run(['script/build', preset, *targets], stdout=out, stderr=out).returncode != 0:
                print(f'script/soak: cannot build {preset}; see {log}', flush=True)
                return False
    return True


def figures_of(part, output):
    """What the tests said; of those that say nothing, how many there were; of a fuzzer, how many inputs it tried."""
    found = figures.of(output)
    passed, inputs = PASSED.search(output), INPUTS.search(output)
    if part.counts:
        return figures.merged({part.counts: int(passed[1]) if passed else 1}, found.items())
    return {'inputs': int(inputs[1])} if inputs else found


def run(part, piece, seed):
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f'{part.name}.log'
    environment = {name: value for name, value in os.environ.items() if not name.startswith('BASALT_')}
    begin = time.monotonic()
    with log.open('w') as out:
        process = subprocess.Popen(['bash', '-c', part.shell(piece, seed)], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                   env=environment, start_new_session=True)
        try:
            status = process.wait()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)  # with all that it began
            process.wait()
            raise
    output = log.read_text(errors='replace')
    skipped = SKIPPED.findall(output)
    if skipped:  # ctest counts it as passed; a gate that was not tried is not
        with log.open('a') as out:
            out.write(f'\nskipped, so not shown: {", ".join(skipped)}\n')
    passed = status == 0 and not skipped
    return Outcome(passed, time.monotonic() - begin, log, figures_of(part, output) if passed else {})
