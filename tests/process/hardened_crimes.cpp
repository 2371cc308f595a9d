// The hardened library in a whole process: each crime, in every size class and beyond, by the thread that allocated and by
// another one, ends with its sentence. No chance is involved.
//
// runs: none
// engine runs: none
// hardened runs: preload global static
#include <malloc.h>
#include <sys/resource.h>

#include <new>
#include <thread>
#include <vector>

#include "support/process.hpp"

extern "C" int basalt_option_set(const char* name, const char* value) __attribute__((weak));

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

// Where nothing was asked for, nothing can be written.
void writes_to_nothing() {
  char* const p = made(0);
  CHECK(!process::readable(p));
  std::free(p);
}

// The byte behind the last, set to 0: what a string that is one too long does.
void overflows(std::size_t size) {
  if (size == 0) return writes_to_nothing();
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
  expect("basalt: invalid pointer in free: 0x", size,
         [](char* p) { (void)opaque(malloc_usable_size(opaque(p + 1))); });
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
  constexpr std::align_val_t wide{64};
  expect("mismatched delete: 0x", size, [size](char*) { operator delete(opaque(operator new(size, wide))); });
  expect("came from aligned new[], which goes with aligned delete[]\n", size,
         [size](char*) { operator delete(opaque(operator new[](size, wide)), wide); });
  expect("came from new, which goes with delete\n", size,
         [size](char*) { operator delete(opaque(operator new(size)), wide); });
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
  // What came home to the heap of a thread that sleeps is looked at when free memory goes back to the system.
  expect("basalt: use of free memory: the word at 0x", size, [size](char* p) {
    char* const neighbour = made(size);
    elsewhere([p, size] {
      std::free(p);
      opaque(p)[size / 2] = 1;
      std::vector<char*> others;
      for (int i = 0; i < 3'000; ++i) others.push_back(made(size));
      for (char* const other : others) std::free(other);
      malloc_trim(0);
    });
    (void)opaque(neighbour);
  });
  process::in_child(20, [size] {
    char* const p = made(size);
    std::free(p);
    for (std::size_t i = 0; i < size; ++i) CHECK(opaque(p)[i] == 0);  // nothing of it can be read
  });
}

// Every slot is read before it is handed out, and then written to: that must not be two faults for each page.
void fresh_pages() {
#if defined(__x86_64__)
  process::in_child(20, [] {
    constexpr int count = 8'000;  // of four to a page
    std::free(made(1'000));
    const auto faults = [] {
      rusage used{};
      CHECK(::getrusage(RUSAGE_THREAD, &used) == 0);
      return used.ru_minflt;
    };
    const long before = faults();
    for (int i = 0; i < count; ++i) CHECK(made(1'000) != nullptr);
    CHECK(faults() - before < count / 4 * 3 / 2);
  });
#endif
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
  CHECK(basalt_option_set("guard", "off") == 0);  // what becomes of guarded blocks: guarded_crimes.cpp
  each_size(what_is_no_crime);
  each_size(quarantine);
  each_size(double_frees);
  each_size(overflows);
  each_size(wrong_pointers);
  each_size(wrong_families);
  each_size(late_writes);
  fresh_pages();
  each_size(what_was_freed);
  process::heap_must_be_valid();
}
