"""The command line of script/check."""

import argparse
import os
import sys
import time

import checks
from checks.tree import Tree


def arguments():
    parser = argparse.ArgumentParser(
        prog='script/check', description='Holds the tree against the rules of the house (HOUSE.md).',
        epilog='Exit status: 0 every rule holds, 1 findings, 2 wrong usage. clang-tidy also runs if CI=true.')
    parser.add_argument('--only', metavar='NAME', action='append', choices=checks.NAMES, default=[],
                        help='run this check alone; may be given again')
    parser.add_argument('--list', action='store_true', help='name the checks and what each holds, and do nothing')
    parser.add_argument('--tidy', action='store_true', help='run clang-tidy too, on the files that changed')
    parser.add_argument('--root', default=os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
                        help='the tree to look at (this one)')
    parser.add_argument('path', nargs='*', help='report findings in these files and folders only')
    return parser, parser.parse_args()


def chosen(options):
    if options.only:
        return options.only
    tidy = options.tidy or os.environ.get('CI') == 'true'
    return [name for name in checks.NAMES if tidy or not checks.on_demand(name)]


def report(name, tree):
    start = time.monotonic()
    findings = checks.run(name, tree)
    verdict = f'{len(findings)} to mend' if findings else 'ok'
    print(f'{name:12} {time.monotonic() - start:6.2f} s  {verdict}', flush=True)
    for finding in findings:
        print(f'{finding.path}:{finding.line}: {name}/{finding.rule}: {finding.advice}', flush=True)
    return len(findings)


def main():
    parser, options = arguments()
    if options.list:
        for name in checks.NAMES:
            print(f'{name:12} {checks.module(name).__doc__.splitlines()[0]}')
        return 0
    for path in [options.root, *options.path]:
        if not os.path.exists(path):
            parser.error(f'there is no {path}')
    tree = Tree(options.root, options.path)
    return 1 if sum([report(name, tree) for name in chosen(options)]) else 0


if __name__ == '__main__':
    sys.exit(main())
