"""The command line of script/soak."""

import argparse
import random
import sys
import time

from gates import figures, page, parts, runner
from gates.record import Record, state_of_sources

USAGE = 'script/soak [MINUTES] [--only PART]... [--again] [--write] [--list]'
ABOUT = '''
Runs what takes longer than script/test may, for MINUTES (10): pieces of the parts that have an end and have not passed on these
sources yet, and rounds of the random ones, each with a new seed; next comes the part that has had the least time. What has passed is
remembered in build/soak, so the next run goes on where this one ends, or is interrupted. What would take longer than there is time left is not begun.
'''
STATUS = '''
Exit status: 0 nothing failed, though there may be more to run; 1 something failed, and the summary names the command that
repeats it; 2 wrong usage; 130 interrupted.
'''


def parse(words):
    parser = argparse.ArgumentParser(prog='script/soak', usage=USAGE, description=ABOUT, epilog=STATUS)
    parser.add_argument('minutes', nargs='?', type=int, default=10, metavar='MINUTES')
    parser.add_argument('--only', action='append', choices=parts.NAMES, default=[], metavar='PART',
                        help='this part alone, until it has passed, or for MINUTES if it has no end; may be given again')
    parser.add_argument('--again', action='store_true', help='forget that parts have passed on these sources')
    parser.add_argument('--write', action='store_true', help='then write the table of docs/trust.md; with 0 MINUTES, only that')
    parser.add_argument('--list', action='store_true', help='name the parts and what each does, and do nothing')
    options = parser.parse_args(words)
    if options.minutes < 0:
        parser.error('MINUTES cannot be negative')
    return options


def duration(seconds):
    return f'{seconds:.0f} s' if seconds < 100 else f'{seconds / 60:.0f} min'


class Soak:
    """One run: what is to be done, until when, and what has failed."""

    def __init__(self, chosen, record, minutes, insist):
        self.chosen = chosen
        self.record = record
        self.deadline = time.monotonic() + 60 * minutes
        self.insist = insist  # on parts that have an end, however long they take
        self.failed = {}      # the parts, and the command that repeats each
        self.built = set()

    def time_left(self):
        return self.deadline - time.monotonic()

    def may_begin(self, part):
        """A part that was asked for is run to its end; any other piece of work has to fit into the time."""
        if part.name in self.failed or (self.record.passed(part) and not part.endless):
            return False
        return (self.insist and not part.endless) or self.record.seconds(part) <= self.time_left()

    def next_part(self):
        """The one that has had the least time so far: so all get their turn, however many pieces one consists of."""
        return min(filter(self.may_begin, self.chosen), key=self.record.seconds_spent, default=None)

    def announce(self, part, piece, seed):
        left = sum(self.record.seconds_left(one) for one in self.chosen if not one.endless and one.name not in self.failed)
        what = f'seed {seed}' if part.endless else f'piece {piece} of {part.pieces}' if part.pieces > 1 else part.work
        remains = f'{duration(left)} of work' if left else f'{duration(max(0, self.time_left()))} of time'
        print(f'{part.name:15} {what}; {remains} left', flush=True)

    def run(self, part):
        if part.builds not in self.built:
            if not runner.build(part):
                self.failed[part.name] = ' && '.join(' '.join(['script/build', preset, *targets])
                                                     for preset, targets in part.builds)
                return
            self.built.add(part.builds)
        piece, seed = self.record.next_piece(part), random.randrange(1, 1 << 32)
        self.announce(part, piece, seed)
        outcome = runner.run(part, piece, seed)
        if outcome.passed:
            self.record.note(part, piece, outcome.figures, outcome.seconds, seed if part.endless else None)
            print(f'{"":15} {figures.sentence(outcome.figures)} ({duration(outcome.seconds)})', flush=True)
            return
        self.failed[part.name] = part.shell(piece, seed)
        print('\n'.join(outcome.log.read_text(errors='replace').splitlines()[-40:]))
        print(f'{part.name:15} FAILED; all of it is in {outcome.log}; again: {self.failed[part.name]}', flush=True)

    def go_on(self):
        while part := self.next_part():
            self.run(part)

    def summary(self):
        print(f'\n{"part":15} {"result":8} {"seconds":>8}  figure')
        for part in self.chosen:
            result = ('FAILED' if part.name in self.failed else 'ok' if self.record.passed(part) else
                      'begun' if self.record.pieces(part) else 'not run')
            print(f'{part.name:15} {result:8} {self.record.seconds_spent(part):8.0f}  {page.figure(part, self.record)}')
        for name, command in self.failed.items():
            print(f'again, what failed in {name}: {command}')


def main(words):
    options = parse(words)
    if options.list:
        for part in parts.ALL:
            print(f'{part.name:15} {part.gate}: {part.work}{", without end" if part.endless else ""}')
        return 0
    record = Record('build/soak/record.json', state_of_sources())
    if options.again:
        record.here.clear()
    chosen = [part for part in parts.ALL if not options.only or part.name in options.only]
    soak = Soak(chosen, record, options.minutes, insist=bool(options.only) and options.minutes > 0)
    status = 0
    try:
        soak.go_on()
    except KeyboardInterrupt:
        print('script/soak: interrupted; the next run goes on from here', file=sys.stderr)
        status = 130
    soak.summary()
    if options.write:
        page.write(record)
    return 1 if soak.failed else status


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
