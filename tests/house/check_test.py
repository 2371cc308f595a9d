#!/usr/bin/env python3
"""Every rule of script/check is broken here once, and must be reported at the right line; clean trees must pass.

A sample is a small git repository of its own. A rule that no sample breaks fails `EveryRule`.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
from typing import NamedTuple
from unittest import mock

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'script'))
sys.dont_write_bytecode = True

import checks  # noqa: E402
from checks import cpp  # noqa: E402
from checks.tree import Tree, line_of  # noqa: E402

FLOORS = '0 base\n1 platform\n3 basic\n3 engine guard\n3 guard\n5 door\n'
TABLE = '# House\n\n## Size exceptions\n\n| Where | Lines | Why |\n|---|---|---|\n'
FORMAT = (ROOT / '.clang-format').read_text()
TIDY = (ROOT / '.clang-tidy').read_text()
WORK, TMP = '/wo' 'rk/x', '/t' 'mp/'  # in parts, or this file breaks the rule itself
HEADER = '#pragma once\n'


def function(lines, head='void f()'):
    return head + ' {\n' + '  g();\n' * (lines - 2) + '}\n'


def short_paths(malloc='void* malloc(int n) { return pop(n); }\n', pop='int pop(int n) { return top(n); }\n'):
    """Two files with the short paths, their free and free_sized in one line each."""
    doors = 'void free(void* p) { push(p); }\nvoid free_sized(void* p, int n) { push(p); Family::f(n); }\n'
    return {'src/door/malloc_exports.cpp': doors + malloc,
            'src/engine/short_path.hpp': 'int top(int n) { return n; }\nint push(int p) { return p; }\n' + pop}


class Bad(NamedTuple):
    rule: str    # check/rule
    files: dict  # path -> content
    at: tuple    # path and line of the one finding


BAD = [
    Bad('format/clang-format', {'.clang-format': FORMAT, 'src/base/a.cpp': 'int a;\nint  b;\n'}, ('src/base/a.cpp', 2)),

    Bad('floors/list', {'src/base/a.hpp': HEADER}, ('cmake/floors.txt', 1)),
    Bad('floors/list', {'cmake/floors.txt': '0 base\nbase 1\n'}, ('cmake/floors.txt', 2)),
    Bad('floors/up', {'cmake/floors.txt': FLOORS, 'src/platform/a.hpp': '',
                      'src/base/b.hpp': '// #include "x"\n#include "../platform/a.hpp"\n'}, ('src/base/b.hpp', 2)),
    Bad('floors/sideways', {'cmake/floors.txt': FLOORS, 'src/basic/a.hpp': '',
                            'src/engine/b.hpp': '\n\n#include "../basic/a.hpp"\n'}, ('src/engine/b.hpp', 3)),
    Bad('floors/sideways', {'cmake/floors.txt': FLOORS, 'src/engine/a.hpp': '',
                            'src/guard/b.hpp': '#include "../engine/a.hpp"\n'}, ('src/guard/b.hpp', 1)),
    Bad('floors/street', {'cmake/floors.txt': FLOORS, 'include/basalt/a.hpp': '',
                          'src/engine/b.hpp': '#include <basalt/a.hpp>\n'}, ('src/engine/b.hpp', 1)),
    Bad('floors/unknown-room', {'cmake/floors.txt': FLOORS, 'src/cellar/a.hpp': ''}, ('src/cellar/a.hpp', 1)),
    Bad('floors/unresolved', {'cmake/floors.txt': FLOORS, 'src/base/a.hpp': '#include "gone.hpp"\n'},
        ('src/base/a.hpp', 1)),
    Bad('floors/relative', {'cmake/floors.txt': FLOORS, 'src/base/a.hpp': '',
                            'src/basic/b.hpp': '#include "base/a.hpp"\n'}, ('src/basic/b.hpp', 1)),
    Bad('floors/link', {'cmake/floors.txt': FLOORS,
                        'src/base/CMakeLists.txt': '# target_link_libraries(basalt_base basalt_door)\n'
                                                   'target_link_libraries(\n  basalt_base\n  PUBLIC basalt_door)\n'},
        ('src/base/CMakeLists.txt', 2)),
    Bad('floors/link', {'cmake/floors.txt': FLOORS,
                        'src/basic/CMakeLists.txt': 'basalt_add_floor(basic SOURCES a.cpp\n  USES base engine)\n'},
        ('src/basic/CMakeLists.txt', 1)),
    Bad('floors/link', {'cmake/floors.txt': FLOORS, 'CMakeLists.txt':
                        'target_link_libraries(basalt_floor_base INTERFACE basalt_floor_guard)\n'},
        ('CMakeLists.txt', 1)),

    Bad('hotpaths/lost', short_paths(malloc=''), ('src/door/malloc_exports.cpp', 1)),
    Bad('hotpaths/leaves', short_paths(pop='int pop(int n) { return far_away(n); }\n'), ('src/engine/short_path.hpp', 3)),
    Bad('hotpaths/leaves', short_paths(pop='int pop(int n) { return top(n, 1); }\n'), ('src/engine/short_path.hpp', 3)),
    Bad('hotpaths/functions', short_paths(pop='int pop(int n) { return a(n) + top(n); }\nint a(int n) { return b(n); }\n'
                                              'int b(int n) { return c(n); }\nint c(int n) { return n; }\n'),
        ('src/door/malloc_exports.cpp', 3)),
    Bad('hotpaths/lines', short_paths(pop='int pop(int n) {\n' + '  n++;\n' * 48 + '}\n'), ('src/door/malloc_exports.cpp', 3)),
    Bad('hotpaths/condition', short_paths(pop='int pop(int n) {\n#pragma x\n  return n;\n}\n'),
        ('src/engine/short_path.hpp', 4)),
    Bad('hotpaths/figures', short_paths() | {
        'docs/tour-engine.md': '| `malloc` | 3 functions | 4 lines |\n| `free` | 2 functions | 2 lines |\n'
                               '| `free_sized` | 2 functions | 2 lines |\n'}, ('docs/tour-engine.md', 1)),

    Bad('budgets/function', {'src/base/a.cpp': 'int x;\n' + function(41)}, ('src/base/a.cpp', 2)),
    Bad('budgets/function', {'tools/a.cpp': 'struct S {\n' + function(41) + '};\n'}, ('tools/a.cpp', 2)),
    Bad('budgets/function', {'src/base/a.cpp': function(46),
                             'HOUSE.md': TABLE + '| `src/base/a.cpp:f` | 45 | steps |\n'},
        ('src/base/a.cpp', 1)),
    Bad('budgets/file', {'include/basalt/a.hpp': 'int x;\n' * 401}, ('include/basalt/a.hpp', 1)),
    Bad('budgets/file', {'tests/unit/a.cpp': 'int x;\n' * 601}, ('tests/unit/a.cpp', 1)),
    Bad('budgets/file', {'CMakeLists.txt': 'project(x)\n' * 121}, ('CMakeLists.txt', 1)),
    Bad('budgets/exception', {'src/base/a.cpp': function(40), 'HOUSE.md': TABLE + '| `src/base/a.cpp:f` | 45 | |\n'},
        ('HOUSE.md', 7)),
    Bad('budgets/stale-exception', {'src/base/a.cpp': function(40),
                                    'HOUSE.md': TABLE + '| `src/base/a.cpp:f` | 45 | one case each |\n'},
        ('HOUSE.md', 7)),

    Bad('preprocessor/if', {'src/basic/a.cpp': '// #if 0\n#ifdef X\n#endif\n'}, ('src/basic/a.cpp', 2)),
    Bad('preprocessor/if', {'src/base/a.cpp': '#define X \\\n 1\n#  if X\n#endif\n'}, ('src/base/a.cpp', 3)),
    Bad('preprocessor/if', {'include/basalt/basalt.h': HEADER + '#if defined(__cplusplus) && X\n#endif\n'},
        ('include/basalt/basalt.h', 2)),
    Bad('preprocessor/guard', {'src/platform/a.hpp': HEADER + '#ifndef A_HPP\n#define A_HPP\n#endif\n'},
        ('src/platform/a.hpp', 2)),
    Bad('preprocessor/pragma-once', {'tests/support/a.hpp': '// Why.\n#include <new>\n#pragma once\n'},
        ('tests/support/a.hpp', 1)),

    Bad('links/dead-link', {'README.md': 'see\n[this](docs/gone.md)\n'}, ('README.md', 2)),
    Bad('links/dead-link', {'docs/a.md': '![picture](a.svg)\n', 'a.svg': ''}, ('docs/a.md', 1)),
    Bad('links/dead-link', {'README.md': 'see `a\nb` and [this\npage](gone.md)\n'}, ('README.md', 3)),
    Bad('links/dead-link', {'README.md': '[this][1]\n\n[1]: gone.md\n'}, ('README.md', 3)),
    Bad('links/dead-anchor', {'README.md': '# The house\n\n[up](#the-houses)\n'}, ('README.md', 3)),
    Bad('links/dead-anchor', {'README.md': '[up](a.md#b)\n', 'a.md': '```\n# b\n```\n'}, ('README.md', 1)),
    Bad('blanks/placeholder', {'docs/a.md': '| a |\n|---|\n@COST' '@\n'}, ('docs/a.md', 3)),
    Bad('blanks/empty-table', {'docs/a.md': 'a\n<!-- b c: begin -->\n\n<!-- b c: end -->\n'}, ('docs/a.md', 2)),

    Bad('names/dead-name', {'README.md': 'a\nuse `RawAlloc<Grower>`\n', 'src/a.hpp': 'Grower  // RawAlloc\n'},
        ('README.md', 2)),
    Bad('names/dead-name', {'README.md': '`Heap::refill_all(x)`\n', 'src/a.hpp': 'struct Heap { void refill(); };\n'},
        ('README.md', 1)),
    Bad('names/dead-name', {'README.md': '`basalt::basic-global`\n', 'CMakeLists.txt': 'basalt::basic\n'},
        ('README.md', 1)),
    Bad('names/dead-name', {'README.md': '```cpp\nauto p = basalt::make();\n```\n',
                            'src/a.hpp': 'namespace basalt {}\n'},
        ('README.md', 2)),
    Bad('names/dead-name', {'README.md': '`BASALT_GONE=1`\n'}, ('README.md', 1)),
    Bad('names/dead-name', {'README.md': 'A span `that goes\non` and `dead_name` in one.\n'}, ('README.md', 2)),
    Bad('names/dead-name', {'README.md': '```sh\nBASALT_GONE=1 script/test\n```\n', 'script/test': ''},
        ('README.md', 2)),
    Bad('names/dead-path', {'README.md': 'in `src/base/gone.hpp`\n', 'src/base/a.hpp': ''}, ('README.md', 1)),
    Bad('names/dead-path', {'README.md': '```cpp\n#include <new>\n#include <basalt/gone.hpp>\n```\n',
                            'include/basalt/here.hpp': ''}, ('README.md', 3)),
    Bad('names/dead-path', {'README.md': '```sh\n$ script/gone --fast\n```\n'}, ('README.md', 2)),
    Bad('names/dead-option', {'README.md': '`script/test --slow`\n', 'script/test': '--quick', 'script/x': '--slow'},
        ('README.md', 1)),
    Bad('names/dead-option', {'README.md': 'or `--slow`\n', 'script/test': '--slower'}, ('README.md', 1)),
    Bad('names/known-names', {'script/checks/known_names.txt': '# names\nmi_malloc\n'},
        ('script/checks/known_names.txt', 2)),
    Bad('names/stale-known-name', {'README.md': '`mi_free`\n', 'script/checks/known_names.txt':
                                   'mi_free    a rival\nmi_malloc  a rival\n'}, ('script/checks/known_names.txt', 2)),

    Bad('templates/class', {'src/base/a.hpp': '\ntemplate <class T, class U = X<T>>\n  requires (C<T>)\n'
                                              'class Pair {};\n',
                            'tests/unit/a.cpp': '// Pair<int>\nPairs x;\n'}, ('src/base/a.hpp', 2)),
    Bad('templates/class', {'src/base/a.hpp': 'template <class T>\nclass A {};\n',
                            'src/base/b.cpp': 'using B = A<int>;\n'},
        ('src/base/a.hpp', 1)),
    Bad('templates/function', {'src/base/a.hpp': 'template <class T>\nT twice(T x) { return x; }\n'},
        ('src/base/a.hpp', 1)),
    Bad('templates/function', {'src/base/a.hpp': 'struct S {\n  template <class F>\n  void each(F&& f) const;\n};\n'},
        ('src/base/a.hpp', 2)),

    Bad('prose/promise', {'src/base/a.cpp': 'int a;  // TO' 'DO: grow\n'}, ('src/base/a.cpp', 1)),
    Bad('prose/promise', {'script/x': 'true\n# FIX' 'ME\n'}, ('script/x', 2)),
    Bad('prose/dead-code', {'src/base/a.cpp': '// What it does;\n// count_ = 0;\n'}, ('src/base/a.cpp', 2)),
    Bad('prose/dead-code', {'src/base/a.cpp': 'int a;\n/*\n * if (a == 0) {\n */\n'}, ('src/base/a.cpp', 3)),
    Bad('prose/dead-code', {'src/base/a.cpp': 'int a;  // release(block);\n'}, ('src/base/a.cpp', 1)),
    Bad('prose/dead-code', {'src/base/a.cpp': '//#include <new>\n'}, ('src/base/a.cpp', 1)),
    Bad('prose/machine-path', {'docs/a.md': 'run\n' + WORK + '\n'}, ('docs/a.md', 2)),
    Bad('prose/machine-path', {'src/base/a.cpp': f'auto x = "{TMP}basalt";\n'}, ('src/base/a.cpp', 1)),
    Bad('prose/machine-path', {'tests/a_test.py': f'x = "{TMP}other"\n'}, ('tests/a_test.py', 1)),
    Bad('prose/booleans', {'src/base/a.hpp': 'int x;\nvoid f(int a, bool fast,\n       const bool dry = true);\n'},
        ('src/base/a.hpp', 2)),
    Bad('prose/nolint', {'src/base/a.cpp': 'int a;  // NOLINT' '\n'}, ('src/base/a.cpp', 1)),
    Bad('prose/nolint', {'src/base/a.cpp': '// NOLINT' 'NEXTLINE(bugprone-x)\nint a;\n'}, ('src/base/a.cpp', 1)),

    Bad('atomics/order', {'src/base/a.hpp': 'int f() {\n  return a_.load();\n}\n'}, ('src/base/a.hpp', 2)),
    Bad('atomics/order', {'src/base/a.hpp': 'a->compare_exchange_weak(x,\n  g(memory));\n'}, ('src/base/a.hpp', 1)),
    Bad('atomics/operator', {'src/base/a.hpp': 'std::atomic<std::pair<int, int>*> a_{};\n'
                                               'void f() {\n  a_ = nullptr;\n}\n'},
        ('src/base/a.hpp', 3)),
    Bad('atomics/operator', {'src/base/a.hpp': 'Atomics::template Atomic<int> a[8];\nvoid f() { a[1]++; }\n'},
        ('src/base/a.hpp', 2)),
    Bad('atomics/operator', {'src/base/a.hpp': 'struct Node { std::atomic<Node*> next; };\nvoid f(Node* a) {\n'
                                               '  Node* next = a;\n  next = a;\n  a->next = next;\n}\n'},
        ('src/base/a.hpp', 5)),
    Bad('atomics/operator', {'src/base/a.hpp': 'std::atomic<int> n{0};\nvoid f(S& s) { ++s.n; }\n'},
        ('src/base/a.hpp', 2)),
    Bad('atomics/suppression', {'tests/race/tsan.supp': 'race:f\n'}, ('tests/race/tsan.supp', 1)),
    Bad('atomics/suppression', {'.ci/run': 'set -e\nexport TSAN_OPTIONS=suppress' 'ions=x\n'}, ('.ci/run', 2)),

    Bad('machine/built', {'bin/tool': b'\x7fELF\x02'}, ('bin/tool', 1)),
    Bad('machine/built', {'web/page.wasm': b''}, ('web/page.wasm', 1)),
    Bad('machine/huge', {'trace.txt': 'x' * (512 * 1024 + 1)}, ('trace.txt', 1)),

    Bad('tidy/clang-tidy', {'.clang-tidy': TIDY, 'src/base/a.cpp': 'int f(int a) {\n  if (a) a = 0;\n'
                                                                    '  return a - a;\n}\n'},
        ('src/base/a.cpp', 3)),
    Bad('tidy/clang-tidy', {'.clang-tidy': TIDY, 'src/base/a.hpp': HEADER + 'inline int* f() { return 0; }\n'},
        ('src/base/a.hpp', 2)),
]

WITHOUT_TOOLS = [('format/tool', '.clang-format'), ('tidy/tool', '.clang-tidy')]

GOOD = {
    'format': {'.clang-format': FORMAT, 'src/base/a.cpp': 'int a;\nint b;\n', 'docs/a.md': 'int  a;\n'},
    'floors': {
        'cmake/floors.txt': '# number, room\n\n' + FLOORS,
        'src/base/a.hpp': '#include <new>\n', 'src/base/b.hpp': '#include "a.hpp"\n',
        'src/guard/a.hpp': '#include "../base/a.hpp"\n', 'src/engine/a.hpp': '#include "../guard/a.hpp"\n',
        'src/door/a.cpp': '#include <basalt/basalt.h>\n#include "../engine/a.hpp"\n#include "kitchen.hpp"\n',
        'src/door/over_x/kitchen.hpp': '', 'src/engine/CMakeLists.txt': 'basalt_add_floor(engine USES guard base)\n',
        'include/basalt/basalt.h': '',
        'include/basalt/all.hpp': '#include "engine/a.hpp"\n', 'tests/a.cpp': '#include "gone.hpp"\n',
        'CMakeLists.txt': 'target_link_libraries(basalt_door PRIVATE basalt_base basalt_door_tests)\n'},
    'budgets': {
        'HOUSE.md': TABLE + '| `src/base/a.cpp:g` | 45 | one case each |\n| `src/base/b.hpp` | 410 | a table |\n',
        'src/base/a.cpp': 'namespace n {\n' + function(40) + function(45, 'void g()') + '}\n',
        'src/base/b.hpp': 'int x;\n' * 405, 'tests/a.cpp': function(600), 'CMakeLists.txt': 'x()\n' * 120},
    'hotpaths': short_paths(malloc='#if A\n#endif\n// pop(1, 2)\nvoid* malloc(int n) {\n  return n ? pop(n) : Family::malloc(n);\n}\n') | {
        'docs/tour-engine.md': '| `malloc` | 3 functions | 5 lines |\n| `free` | 2 functions | 2 lines |\n'
                               '| `free_sized` | 2 functions | 2 lines |\n'},
    'preprocessor': {
        'src/platform/a.hpp': '// Why.\n#pragma once\n#ifndef X\n#define X 1\n#endif\n',
        'src/base/compiler.hpp': HEADER + '#ifdef X\n#endif\n',
        'src/basic/a.cpp': 'auto a = R"(\n#if X\n)";\n', 'tests/a.cpp': '#if X\n#endif\n',
        'include/basalt/basalt.h': HEADER + '#ifdef __cplusplus\nextern "C" {\n#endif\n'},
    'links': {
        'docs/a.md': '# A b, `c`!\n## Twice\n## Twice\n[1](../README.md) [2](#a-b-c) [3](#twice-1) [4](..)\n'
                     '[5](https://example.org/x) `[6](gone.md)`\n```\n[7](gone.md)\n```\n[8](../README.md#L1)\n',
        'README.md': '<a id="here"></a> [up](#here)\n'},
    'blanks': {
        'a.md': '`@COST' '@` a@B.org\n```\n@COST' '@\n```\n<!-- b: begin -->\n| c |\n<!-- b: end -->\n'
                '`<!-- b: begin --> <!-- b: end -->`\n', 'a.txt': '@COST' '@\n'},
    'names': {
        'README.md': '`RawAlloc<Grower>` `Heap::refill()` `src/base/a.hpp` `base/` `src/*/a.hpp` `src/{base,x}/a.hpp`\n'
                     '`script/test --quick`, `--quick`, `read/write`, `std::byte`, `a = b`, `build/dev/x`, `malloc`\n'
                     '`mi_malloc`, `BASALT_SEED=1`, `basalt::basic-global`, `cmake --build build/dev`\n'
                     '```cpp\n#include "base/a.hpp"\nbasalt::RawAlloc<Mine> mine_alone;\n```\n```sh\nscript/test --quick -- --other\n```\n',
        'CHANGELOG.md': '`GoneForGood`\n', 'script/test': '--quick $BASALT_SEED\n', 'src/x/a.hpp': '',
        'src/base/a.hpp': 'namespace basalt { RawAlloc Grower; struct Heap { void refill(); }; }\n',
        'CMakeLists.txt': 'basalt::basic-global\n', 'script/checks/known_names.txt': 'mi_malloc  a rival\n'},
    'templates': {
        'src/base/a.hpp': 'template <class T>\nclass A {\n  template <class U> explicit A(U);\n'
                          '  template <class F> void each(F f);\n  void all() { each(1); }\n};\n'
                          'template <> class A<int> {};\ntemplate <class T> concept C = true;\n'
                          'template <template <class> class T> class B;\ntemplate <class T> class B<T*> {};\n'
                          'namespace detail { template <class T> struct D {}; }\nusing E = detail::D<int>;\n'
                          'auto f() { return x.template g<1>(); }\n',
        'tests/a.cpp': 'A<int> a;\n', 'src/base/b.cpp': 'template class B<int>;\n'},
    'prose': {
        'src/base/a.hpp': '// The rest is the list\'s; if it is empty, nothing.\n'
                          '//     count_ = 0;\n// ```\n// f(x);\n// ```\n'
                          'void f(bool a, int b); bool g(bool);\n// for each block;\n// Law: a - b == c (in bytes);\n',
        'src/base/b.cpp': '// NOLINT' 'NEXTLINE(bugprone-x): the door must\nint a = b / work / c;\n// "../wo' 'rk/x"\n',
        'tests/a_test.py': f'x = "{TMP}basalt-a"\n', 'docs/a.md': 'https://example.org/wo' 'rk/x\n'},
    'atomics': {
        'src/base/a.hpp': 'std::atomic<int> a_{0};\nstd::atomic<int>* p = &a_;\nvoid f(std::memory_order order) {\n'
                          '  a_.load(std::memory_order_relaxed);\n  a_.store(g(1), order);\n  if (a_ == b) p = q;\n  std::atomic<int>& a_ = b; C* a_ = c;\n'
                          '  std::exchange(x, y);\n}\n', 'tests/a.cpp': 'a.load();\n'},
    'machine': {'a.txt': 'x' * 512 * 1024, 'a.png': b'\x89PNG'},
    'tidy': {'.clang-tidy': TIDY, 'src/base/a.cpp': 'int f(int a) { return a; }\n'},
}


def write(folder, files):
    subprocess.run(['git', 'init', '-q', folder], check=True)
    for path, content in files.items():
        place = pathlib.Path(folder, path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content if isinstance(content, bytes) else content.encode())


class Sample(unittest.TestCase):
    def tree(self, files):
        folder = tempfile.mkdtemp(prefix='basalt-check-')
        self.addCleanup(shutil.rmtree, folder)
        write(folder, files)
        return Tree(folder)


class BadSamples(Sample):
    def test_each_is_found_where_it_is(self):
        for bad in BAD:
            with self.subTest(rule=bad.rule, at=bad.at):
                name, rule = bad.rule.split('/')
                found = checks.run(name, self.tree(bad.files))
                self.assertEqual([(one.rule, one.path, one.line) for one in found], [(rule, *bad.at)])
                self.assertTrue(found[0].advice)

    def test_a_missing_tool_is_no_success(self):
        for rule, path in WITHOUT_TOOLS:
            with self.subTest(rule=rule), mock.patch('shutil.which', return_value=None):
                found = checks.run(rule.split('/')[0], self.tree({'src/base/a.cpp': 'int  a;\n'}))
                self.assertEqual([(one.rule, one.path) for one in found], [(rule.split('/')[1], path)])


class GoodSamples(Sample):
    def test_each_passes(self):
        for name, files in GOOD.items():
            with self.subTest(check=name):
                self.assertEqual(checks.run(name, self.tree(files)), [])

    def test_an_empty_tree_passes_all_but_the_list_of_floors(self):
        tree = self.tree({})
        found = {name: checks.run(name, tree) for name in checks.NAMES}
        self.assertEqual([name for name in checks.NAMES if found[name]], ['floors'])


class Advice(Sample):
    def test_names_the_budget_that_was_granted(self):
        found = checks.run('budgets', self.tree({'src/base/a.cpp': function(46),
                                                 'HOUSE.md': TABLE + '| `src/base/a.cpp:f` | 45 | steps |\n'}))
        self.assertRegex(found[0].advice, '^f has 46 lines, 45 are allowed')


class EveryRule(unittest.TestCase):
    def test_has_a_sample_that_breaks_it(self):
        declared = {f'{name}/{rule}' for name in checks.NAMES for rule in checks.module(name).RULES}
        self.assertEqual(declared, {bad.rule for bad in BAD} | {rule for rule, _ in WITHOUT_TOOLS})

    def test_has_a_sample_that_keeps_it(self):
        self.assertEqual(set(checks.NAMES), set(GOOD))

    def test_every_module_is_on_the_list(self):
        modules = {path.stem for path in (ROOT / 'script/checks').glob('*.py') if 'RULES = ' in path.read_text()}
        self.assertEqual(modules, set(checks.NAMES))

    def test_says_what_it_is_and_why(self):
        for name in checks.NAMES:
            self.assertRegex(checks.module(name).__doc__, r'\A[^\n]+\.\n\n\S')

    def test_a_finding_of_an_undeclared_rule_is_an_error(self):
        stub = mock.Mock(check=lambda tree: [checks.module('machine').Finding('a', 1, 'other', '')], RULES=('built',))
        with mock.patch('checks.module', return_value=stub), self.assertRaises(checks.UnknownRule):
            checks.run('machine', mock.Mock())


class Scanner(unittest.TestCase):
    def functions(self, text):
        return [(one.name, line_of(text, one.begin), line_of(text, one.end - 1)) for one in cpp.functions(text)]

    def test_what_is_a_function(self):
        for text, names in {
            'void f() {}': ['f'],
            'namespace a::b { extern "C" { int f(void) { return 0; } } }': ['f'],
            'extern "C" void* malloc(size_t n) { return 0; }': ['malloc'],
            'struct S final : B<(1 > 0)> { int x{3}; S() : x{1}, y(2) {} ~S() {} explicit operator bool() const {} };':
                ['S', '~S', 'operator bool'],
            'enum class E : int { a, b }; enum { c };': [],
            'S& S::operator=(const S&) { } bool operator<(S a, S b) { } void operator()(int) const { }':
                ['S::operator_', 'operator_', 'operator_'],
            'template <class T> requires (sizeof(T) <= 8) class X { void f() requires C<T> { } };': ['f'],
            'template <class T> concept C = requires(T t) { t.f(); { t.g() } -> D; };': [],
            'void f() requires requires(T t) { t.x(); } { g(); }': ['f'],
            'int a[] = {1, 2}; std::atomic<int> b{0}; constexpr auto c = S{1};': [],
            'constexpr auto twice = [](int x) { return 2 * x; };': ['twice'],
            'auto f(int x = g({1})) -> std::pair<int, int> { auto l = [&] { if (x) { } }; struct L { void m() {} }; }':
                ['f'],
            'alignas(64) [[nodiscard]] static inline int f() noexcept(true) { }': ['f'],
            'TEST(Suite, Name) { }': ['TEST'],
            'SILENCE(4251)\nnamespace a { int f() { } }': ['f'],
            'struct Point f(int) { }': ['f'],
            'class A { public: int f() { } private: A() : b_{g(1)} { } };': ['f', 'A'],
        }.items():
            with self.subTest(text):
                self.assertEqual([name for name, _, _ in self.functions(text)], names)

    def test_strings_and_comments_hide_braces(self):
        text = 'void f() {  // {\n  a("{\\"{", \'{\', R"x({)" {)x", 1\'000\'{\'0\');  /* {\n { */\n}\nint g() {\n}\n'
        text = text.replace("1'000'{'0'", "1'000")
        self.assertEqual(self.functions(text), [('f', 1, 4), ('g', 5, 6)])

    def test_length_is_from_the_head_to_the_brace(self):
        text = '// About f.\ntemplate <class T>\n[[nodiscard]] int\nf(T t)\n    noexcept {\n  return 1;\n}\n'
        self.assertEqual(self.functions(text), [('f', 2, 7)])

    def test_branches_that_do_not_balance(self):
        text = '#if A\nvoid f(int a) {\n#else\nvoid f(long a) {\n#endif\n  g();\n}\nvoid h() {\n}\n'
        self.assertEqual(self.functions(text), [('f', 2, 7), ('h', 8, 9)])

    def test_positions_stay_true(self):
        for path in (ROOT / 'src').rglob('*.hpp'):
            text = path.read_text()
            for view in (cpp.code_only(text), cpp.without_comments(text)):
                lengths = [[len(line) for line in one.split('\n')] for one in (view, text)]
                self.assertEqual(*lengths, path)


class CommandLine(Sample):
    def run_check(self, *words, **environment):
        return subprocess.run([str(ROOT / 'script/check'), *words], capture_output=True, text=True, check=False,
                              env={**os.environ, 'CI': '', **environment})

    def test_exit_status_and_report(self):
        tree = self.tree({'cmake/floors.txt': FLOORS, 'src/base/a.hpp': '#ifdef X\n#endif\n'})
        bad = self.run_check('--root', tree.root, '--only', 'preprocessor')
        self.assertEqual(bad.returncode, 1, bad.stderr)
        self.assertRegex(bad.stdout, r'\Apreprocessor +\d+\.\d\d s  2 to mend\nsrc/base/a.hpp:1: preprocessor/if: \S')
        good = self.run_check('--root', tree.root, '--only', 'floors', '--only', 'links')
        self.assertEqual((good.returncode, good.stdout.count(' s  ok\n')), (0, 2), good.stdout)

    def test_paths_select_findings(self):
        tree = self.tree({'src/base/a.cpp': '#ifdef X\n#endif\n', 'src/basic/b.cpp': '#ifdef X\n#endif\n'})
        one = self.run_check('--root', tree.root, '--only', 'preprocessor', os.path.join(tree.root, 'src/basic'))
        self.assertEqual(one.stdout.count('preprocessor/if'), 1)
        self.assertIn('src/basic/b.cpp:1:', one.stdout)

    def test_wrong_usage(self):
        for words in (['--only', 'taste'], ['--sometimes'], ['no/such/file'], ['--root', 'no/such/tree']):
            self.assertEqual(self.run_check(*words).returncode, 2, words)

    def test_list_names_every_check(self):
        listed = self.run_check('--list')
        self.assertEqual([line.split()[0] for line in listed.stdout.splitlines()], list(checks.NAMES))

    def test_tidy_only_when_asked_for(self):
        root = self.tree({'cmake/floors.txt': FLOORS}).root
        self.assertNotIn('tidy', self.run_check('--root', root).stdout)
        self.assertIn('tidy', self.run_check('--root', root, '--tidy').stdout)
        self.assertIn('tidy', self.run_check('--root', root, CI='true').stdout)

    def test_a_tree_without_git_is_read_too(self):
        tree = self.tree({'src/base/a.cpp': '#ifdef X\n#endif\n'})
        shutil.rmtree(os.path.join(tree.root, '.git'))
        self.assertIn('src/base/a.cpp:1:', self.run_check('--root', tree.root, '--only', 'preprocessor').stdout)


if __name__ == '__main__':
    unittest.main()
