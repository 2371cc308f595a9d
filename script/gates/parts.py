"""The parts of a soak, in the order in which they are run. A part is added by adding it to the list."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

ROOT = Path(__file__).resolve().parents[2]

@dataclass(frozen=True)
class Part:
    name: str
    gate: str            # whose row of the table it is in
    work: str            # what is done, in one line
    command: str         # by bash, in the root of the tree; {seed} is a number that is new each time
    where: str           # the tests, as a path from the root
    builds: tuple        # presets that it needs, each with its targets
    scale: int = 1       # BASALT_SCALE: how many times the work of script/test
    pieces: int = 1      # BASALT_PIECE: the work is cut into so many; tests that know of none do theirs so many times
    seconds: int = 60    # that a piece takes, before any has been run
    endless: bool = False  # random: every further round finds more
    counts: Optional[str] = None  # what is counted where tests say no figure: passed tests

    def shell(self, piece, seed):
        """The command that runs a piece, and repeats it."""
        words = [f'BASALT_SCALE={self.scale}'] if self.scale > 1 else []
        words += [f'BASALT_PIECE={piece}/{self.pieces}'] if self.pieces > 1 else []
        words += [f'BASALT_SEED={seed}'] if self.endless else []
        return ' '.join([*words, self.command.format(seed=seed)])


def whole_programs(name, gate, work, pattern, where, **more):
    """A part of programs of tests/process whose names match, preloaded with the engine and with the hardened library: linked, and on
    the small kitchen, they do in script/test what they do there."""
    names = sorted(file.stem for file in ROOT.glob('tests/process/*.cpp') if re.match(pattern, file.stem))
    libraries = ('basalt_engine_preload', 'basalt_hardened_preload', 'shipped')
    command = tests(rf'^process\.({pattern}).*\.(engine|hardened)\.(preload|shipped|alone)$')
    return Part(name, gate, work, command, where, (('dev', (*libraries, *names)),), **more)


def tests(pattern):
    """The command that runs tests whose names match, with all that they print."""
    return f"ctest --test-dir build/dev --verbose --no-tests=error -R '{pattern}'"


def fuzzing(target, seconds=60):
    """The command that fuzzes for a while, and goes on from what it found before."""
    corpus = f'build/fuzz/corpus/{target}'
    return (f'mkdir -p {corpus} && ASAN_OPTIONS=detect_leaks=0 build/fuzz/bin/fuzz_{target} -max_total_time={seconds}'
            f' -rss_limit_mb=4000 -max_len=1000 -seed={{seed}} -print_final_stats=1 -artifact_prefix=build/fuzz/'
            f' {corpus} tests/fuzz/corpus/{target}')


def random_tests(preset, kinds):
    return (f"ctest --test-dir build/{preset} --verbose --no-tests=error --parallel $(nproc)"
            f" -L '^({kinds})$'")


FORKS = 'Forks, signals, threads'

ALL = [
    whole_programs('contracts', 'Conformance', 'every function of the malloc family, every form of new and delete, their contracts',
                   'row2[0-9]|row3[0-9]', 'docs/reference/compat.md', counts='programs of tests'),
    whole_programs('refused-calls', 'Faults', 'system calls of the shipped library refused: each alone, with all that follow, every two',
                   'refused_calls', 'tests/process/refused_calls.cpp', scale=2, pieces=400, seconds=60),
    whole_programs('limits', 'Faults', '`ulimit -v` from nothing to 96 MiB more; 1, 4 and 16 threads; every function',
                   'little_address_space_sweep', 'tests/process/little_address_space_sweep.cpp', scale=5, pieces=4),
    whole_programs('mappings', 'Faults', 'all mappings that a process may have (vm.max_map_count) in other hands',
                   'no_more_mappings|row44', 'tests/process/no_more_mappings.cpp', scale=5),
    whole_programs('sandbox', 'Faults', 'a sandbox that kills for any call but the few of the library', 'row41',
                   'tests/process/row41_sandbox.cpp', scale=5),
    whole_programs('forks', FORKS, 'forks at random moments beside eight threads; in chains, with handlers, by spawn', 'row0[1-6]',
                   'tests/process/row01_fork_with_threads.cpp', scale=17, pieces=10, seconds=180),
    whole_programs('handlers', FORKS, 'forks and allocations in the handlers of signals', 'fork_in_handler|signal_handlers|handler_at_each_instruction',
                   'tests/process/fork_in_handler.cpp', scale=4, pieces=5),
    whole_programs('threads', FORKS, 'threads one after another, and 2,000 at once, on stacks of 64 KiB', 'many_threads',
                   'tests/process/many_threads.cpp', scale=4, pieces=5, seconds=120),
    whole_programs('ends', FORKS, 'threads that free in destructors, libraries that come and go', 'row09|row1[0-7]|row48',
                   'docs/reference/compat.md', scale=4, pieces=5, seconds=120),
    Part('programs', 'Programs', 'real programs give the same on the engine, on the hardened library and on glibc',
         tests(r'^process\.programs_test\.(engine|hardened)$'), 'tests/process/programs_test.py',
         (('dev', ('basalt_engine_preload', 'basalt_hardened_preload')),), scale=2, seconds=200),
    Part('misuse', 'Misuse', 'every crime, a thousand times', 'script/trust crimes', 'tests/misuse/crimes.hpp', seconds=4500,
         builds=(('release', ('libbasalt.so', 'libbasalt-hardened.so')),), counts='runs of script/trust crimes'),
    Part('valid', 'Misuse', 'a thousand million valid operations on either library, without a word', 'script/trust valid',
         'tests/misuse/valid.cpp', seconds=1200, builds=(('release', ('libbasalt.so', 'libbasalt-hardened.so')),),
         counts='runs of script/trust valid'),
    Part('attacks', 'Misuse', 'every attack, a hundred times', 'script/trust attacks', 'docs/threat-model.md', seconds=60,
         builds=(('release', ('libbasalt.so', 'libbasalt-hardened.so')),), counts='runs of script/trust attacks'),
    Part('schedules', 'Races', 'every schedule of the lock-free protocols, and each weakened order caught',
         "ctest --test-dir build/dev --no-tests=error -R 'Explore|Mutants|Litmus'", 'tests/support/explorer/README.md',
         builds=(('dev', ('unit_tests', 'race_tests', 'model_tests')),), counts='tests of schedules', seconds=300),
    Part('model', 'Fuzz', 'random operations against an oracle, with faults', random_tests('dev', 'model|race'),
         'tests/model/heap_model_test.cpp', builds=(('dev', ('model_tests', 'race_tests')),), endless=True,
         counts='random tests'),
    Part('asan', 'Fuzz', 'the same under the address and undefined-behaviour sanitizers', random_tests('asan', 'model|race'),
         'tests/model/heap_model_test.cpp', builds=(('asan', ('model_tests', 'race_tests')),), endless=True,
         counts='random tests under the sanitizers', seconds=120),
    Part('tsan', 'Races', 'real threads under the race detector, without suppressions', random_tests('tsan', 'model|race'),
         'tests/race/engine_race_test.cpp', builds=(('tsan', ('model_tests', 'race_tests')),), endless=True,
         counts='random tests under the race detector', seconds=180),
    *[Part(f'fuzz-{target}', 'Fuzz', work, fuzzing(target), f'tests/fuzz/{target}_fuzz.cpp',
           builds=(('fuzz', (f'fuzz_{target}',)),), endless=True, seconds=70)
      for target, work in (('threads', 'sequences of calls of several threads while the system refuses, against a shadow heap'),
                           ('allocators', 'sequences of calls of each allocator against a shadow heap'),
                           ('trace', 'the reader of traces'))],
]

NAMES = [part.name for part in ALL]
