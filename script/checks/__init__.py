"""The rules of the house as programs: one module a check, and in it the rule and why it is one.

A check module has:
  a docstring           the rule in its first line, then why
  RULES                 the names of the rules that it can report; tests/house/check_test.py breaks every one
  check(tree)           yields Finding objects
  ON_DEMAND = True      optional: runs only when asked for (--tidy, --only NAME, or CI=true)
"""

import importlib

NAMES = ('format', 'floors', 'budgets', 'hotpaths', 'preprocessor', 'links', 'blanks', 'names', 'templates', 'prose',
         'atomics', 'machine', 'tidy')


class UnknownRule(Exception):
    """A check reported a rule that it does not declare, so no test can know of it."""


def module(name):
    return importlib.import_module('checks.' + name)


def on_demand(name):
    return getattr(module(name), 'ON_DEMAND', False)


def run(name, tree):
    """The findings of one check, in the order of the files, as far as the caller selected those files."""
    check = module(name)
    findings = [finding for finding in check.check(tree) if tree.selected(finding.path)]
    for finding in findings:
        if finding.rule not in check.RULES:
            raise UnknownRule(f'{name}/{finding.rule}')
    return sorted(findings)
