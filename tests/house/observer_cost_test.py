#!/usr/bin/env python3
"""An observer that is silent costs no instruction: the small kitchen is compiled as it is, and again from a copy of its
source out of which every call of an observer has been cut. At -O1 both must disassemble to the same text. (At -O2
the compiler weighs the length of the source when it lays out a function, so there the same work comes out in other words.)

So that the comparison can fail, a third copy is compiled in which the silent observer counts.
"""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(os.environ.get('BASALT_SOURCE_DIR', pathlib.Path(__file__).resolve().parents[2]))
CXX = os.environ.get('CXX', 'c++')

# Every operation, over a grower with every duty that the kitchen uses. Flattened: a compiler weighs what to inline by the
# length of the source too, where a call counts that leaves no instruction; here there is nothing to weigh.
PROGRAM = '''
#include "basic/raw_alloc.hpp"
#include "platform/raw_os.hpp"
#include "source/mmap_grower.hpp"
using Heap = basalt::RawAlloc<basalt::MmapGrower<basalt::RawOs>, basalt::FirstFit, basalt::GiveBackByDefault>;
#define FLAT [[gnu::flatten]]
FLAT basalt::Result<std::byte*> allocate(Heap& heap, basalt::Layout layout) { return heap.allocate(layout); }
FLAT void deallocate(Heap& heap, std::byte* block, std::size_t size) { heap.deallocate(block, size); }
FLAT basalt::Result<std::byte*> reallocate(Heap& heap, std::byte* block, std::size_t size, basalt::Layout layout) {
  return heap.reallocate(block, size, layout);
}
FLAT bool trim(Heap& heap) { return heap.trim(); }
'''

EVENTS = ('searched', 'inserted', 'unlinked', 'split', 'merged', 'grew', 'gave_back', 'decommitted', 'remapped')
CALL = re.compile(r'\b(?:observer_|list_?\.observer\(\))\.(\w+)\(')


def statement_end(text, at):
    """The place behind the semicolon that ends the statement at `at`, brackets balanced."""
    depth = 0
    for place in range(at, len(text)):
        depth += {'(': 1, ')': -1}.get(text[place], 0)
        if text[place] == ';' and depth == 0:
            return place + 1
    raise ValueError('a statement without an end')


def without_hooks(text):
    """The text without calls of observers, and which events were called."""
    events = []
    while found := CALL.search(text):
        events.append(found[1])
        text = text[:found.start()] + ';' + text[statement_end(text, found.start()):]
    return text, events


class ObserverCost(unittest.TestCase):
    def setUp(self):
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix='basalt-observer-'))
        self.addCleanup(shutil.rmtree, self.scratch)

    def copy(self, name, change):
        """A copy of the sources, each file of the small kitchen changed."""
        folder = self.scratch / name
        shutil.copytree(ROOT / 'src', folder)
        for path in sorted((folder / 'basic').glob('*.hpp')):
            path.write_text(change(path.name, path.read_text()))
        return folder

    def disassembly(self, sources, level):
        program = self.scratch / 'program.cpp'  # the same name each time: it is told in the object
        program.write_text(PROGRAM)
        compiled = self.scratch / 'program.o'
        subprocess.run([CXX, '-std=c++20', level, '-DNDEBUG', '-fno-exceptions', '-fno-rtti', '-w', '-c', '-o', compiled,
                        '-I', sources, program], check=True)
        text = subprocess.run(['objdump', '-dr', '--no-show-raw-insn', compiled], check=True, capture_output=True,
                              text=True).stdout
        self.assertGreater(len(text.splitlines()), 300, 'there is something to compare')
        return text

    @unittest.skipIf('clang' in CXX, 'not run here: the texts are compared as GCC makes them')
    def test_silence_is_free(self):
        called = set()

        def cut(_, text):
            text, events = without_hooks(text)
            called.update(events)
            return text

        def count(name, text):
            if name != 'observer.hpp':
                return text
            return text.replace('static void merged(Range, Range) noexcept {}',
                                'static inline volatile int merges = 0;\n'
                                '  static void merged(Range, Range) noexcept { merges = merges + 1; }')

        original = self.copy('original', lambda _, text: text)
        bare = self.copy('bare', cut)
        loud = self.copy('loud', count)
        self.assertEqual(called, set(EVENTS), 'every event is called somewhere, and was cut')
        silent = self.disassembly(original, '-O1')
        self.assertEqual(silent, self.disassembly(bare, '-O1'))
        self.assertNotEqual(silent, self.disassembly(loud, '-O1'))


if __name__ == '__main__':
    unittest.main()
