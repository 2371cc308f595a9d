// The hardened library in a whole process: each crime, in every size class and beyond, by the thread that allocated and by
// another one, ends with its sentence. No chance is involved.
//
// runs: none
// engine runs: none
// hardened runs: preload global static
#include <malloc.h>

#include <new>
#include <thread>

#include "support/process.hpp"

namespace {

using process::opaque;

// Effects: calls visit(size) for a size of every class, one that just does not fit into a class, and sizes of large and huge blocks.
template <class Visit>
void each_size(Visit&& visit) {
  for (std::size_t size = 1; size <= 32'767; size += size < 128 ? 16 : size / 9) visit(size);
  for (const std::size_t size : {0U, 16U, 32'768U, 32'769U, 100'000U, 2'000'000U, 2'097'152U, 5'000'000U})
    visit(size);
}

char* made(std::size_t size) {
  auto* const block = static_cast<char*>(opaque(std::malloc(size)));
  CHECK(block != nullptr && malloc_usable_size(block) == size);
  std::memset(block, 0x5a, size);
  return block;
}

template <class Crime>
void expect(const char* sentence, std::size_t size, Crime&& crime) {
  const process::Outcome outcome = process::outcome_of([&] { crime(made(size)); });
  if (!outcome.aborted() || !outcome.says(sentence))
    std::fprintf(stderr, "size %zu: wanted: %s\ngot:\n%s\n", size, sentence, outcome.words);
  CHECK(outcome.aborted() && outcome.says(sentence));
}

template <class Body>
void elsewhere(Body&& body) {
  std::thread{body}.join();
}

void double_frees(std::size_t size) {
  expect("basalt: double free: 0x", size, [](char* p) { std::free(p), std::free(opaque(p)); });
  expect("basalt: double free: 0x", size, [size](char* p) {
    char* const other = made(size);
    std::free(p), std::free(other), std::free(opaque(p));
  });
  expect("basalt: double free: 0x", size, [](char* p) {
    elsewhere([p] { std::free(p); });
    std::free(opaque(p));
  });
  expect("basalt: double free: 0x", size, [](char* p) {
    std::free(p);
    elsewhere([p] { std::free(opaque(p)); });
  });
}

// The byte behind the last, set to 0: what a string that is one too long does.
void overflows(std::size_t size) {
  expect("basalt: heap overflow: what lies behind the ", size, [size](char* p) {
    opaque(p)[size] = 0;
    std::free(p);
  });
  expect("basalt: heap overflow: what lies behind the ", size, [size](char* p) {
    opaque(p)[size] = 0;
    (void)opaque(std::realloc(p, size + 1));
  });
}

void wrong_pointers(std::size_t size) {
  expect("basalt: invalid pointer in free: 0x", size, [](char* p) { std::free(opaque(p + 1)); });
  if (size > 16)
    expect("basalt: invalid pointer in free: 0x", size, [](char* p) { std::free(opaque(p + 16)); });
}

void wrong_families(std::size_t size) {
  expect("came from malloc, which goes with free\n", size, [](char* p) { operator delete(opaque(p)); });
  expect("came from malloc, which goes with free\n", size,
         [size](char* p) { operator delete(opaque(p), size); });
  expect("came from new[], which goes with delete[]\n", size,
         [size](char*) { operator delete(opaque(operator new[](size))); });
  expect("came from new, which goes with delete\n", size,
         [size](char*) { std::free(opaque(operator new(size))); });
  expect("came from new, which goes with delete\n", size,
         [size](char*) { (void)opaque(std::realloc(opaque(operator new(size)), size + 100)); });
  expect(" bytes and cannot have been asked for with ", size,
         [size](char*) { operator delete(opaque(operator new(size)), size + 1); });
}

// Blocks of at most 32 KiB: whoever gets the memory next finds that it was written to.
void late_writes(std::size_t size) {
  if (size == 0 || size > 32'767) return;
  expect("basalt: use of free memory: the word at 0x", size, [size](char* p) {
    std::free(p);
    opaque(p)[size / 2] = 1;
    for (int i = 0; i < 200'000; ++i) std::free(made(size));
  });
  process::in_child(20, [size] {
    char* const p = made(size);
    std::free(p);
    for (std::size_t i = 0; i < size; ++i) CHECK(opaque(p)[i] == 0);  // nothing of it can be read
  });
}

void what_was_freed(std::size_t size) {
  if (size > 32'767) return;
  expect("basalt: invalid pointer in realloc: 0x", size,
         [](char* p) { std::free(p), (void)opaque(std::realloc(opaque(p), 7)); });
  expect("basalt: invalid pointer in malloc_usable_size: 0x", size,
         [](char* p) { std::free(p), (void)opaque(malloc_usable_size(opaque(p))); });
}

// A freed block does not come back at once.
void quarantine(std::size_t size) {
  if (size > 32'767) return;
  int at_once = 0;
  for (int i = 0; i < 100; ++i) {
    char* const p = made(size);
    std::free(p);
    char* const next = made(size);
    at_once += next == opaque(p) ? 1 : 0;
    std::free(next);
  }
  CHECK(at_once < 20);
}

void what_is_no_crime(std::size_t size) {
  std::free(made(size));
  operator delete(opaque(operator new(size)), size);
  operator delete[](opaque(operator new[](size)));
  operator delete (opaque(operator new (size, std::align_val_t{64})), size, std::align_val_t{64});
  std::free(opaque(std::aligned_alloc(4096, size)));
  char* p = made(size);
  for (const std::size_t now :
       {size + 1, size + 17, size / 2 + 1, 2 * size + 1, 3 * size + 40'000, size + 1}) {
    p = static_cast<char*>(opaque(std::realloc(p, now)));
    CHECK(p != nullptr && malloc_usable_size(p) == now && (size == 0 || p[0] == 0x5a));
  }
  std::free(p);
  char* const zeroed = static_cast<char*>(opaque(std::calloc(1, size)));
  for (std::size_t i = 0; i < size; ++i) CHECK(opaque(zeroed)[i] == 0);
  std::free(zeroed);
}

}  // namespace

int main() {
  each_size(what_is_no_crime);
  each_size(quarantine);
  each_size(double_frees);
  each_size(overflows);
  each_size(wrong_pointers);
  each_size(wrong_families);
  each_size(late_writes);
  each_size(what_was_freed);
  process::heap_must_be_valid();
}
