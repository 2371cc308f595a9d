// What malloc(0) gives is a block of its own that nobody can touch: of usable size 0, with nothing to copy in it.
// runs: none
// engine runs: preload global static
#include <malloc.h>

#include <algorithm>
#include <new>
#include <thread>
#include <vector>

#include "support/process.hpp"

namespace {

using process::opaque;

constexpr std::size_t nothing = 0;

void is_of_no_use(void* p) {
  CHECK(p != nullptr && reinterpret_cast<std::uintptr_t>(p) % 16 == 0);
  CHECK(malloc_usable_size(p) == 0);
  CHECK(!process::readable(p) && !process::readable(static_cast<char*>(p) + 15));
}

void every_door() {
  is_of_no_use(opaque(std::malloc(nothing)));
  is_of_no_use(opaque(std::calloc(nothing, 8)));
  is_of_no_use(opaque(std::realloc(opaque<void*>(nullptr), nothing)));
  is_of_no_use(opaque(operator new(nothing)));
  operator delete[](opaque(operator new[](nothing)), nothing);
  operator delete(opaque(operator new(nothing)));
  auto* const grown = static_cast<char*>(std::realloc(opaque(std::malloc(nothing)), 100));
  CHECK(grown != nullptr);
  std::memset(grown, 1, 100);
  CHECK(std::realloc(grown, nothing) == nullptr);
}

// More than there are in a chunk; all different, and gone when they are freed by whoever.
void many() {
  std::vector<void*> blocks(300'000);
  for (void*& block : blocks) block = std::malloc(nothing);
  is_of_no_use(blocks.front());
  is_of_no_use(blocks.back());
  std::sort(blocks.begin(), blocks.end());
  CHECK(std::adjacent_find(blocks.begin(), blocks.end()) == blocks.end());
  const long before = process::resident_kib();
  std::thread{[&] {
    for (std::size_t i = 0; i < blocks.size(); i += 2) std::free(blocks[i]);
  }}.join();
  for (std::size_t i = 1; i < blocks.size(); i += 2) std::free(blocks[i]);
  malloc_trim(0);
  process::heap_must_be_valid();
  CHECK(process::resident_kib() < before + 8 * 1024);  // nothing of theirs ever had a page
  for (void*& block : blocks) block = std::malloc(nothing);
  is_of_no_use(blocks[12'345]);
  for (void* block : blocks) std::free(block);
}

void crimes() {
  const process::Outcome twice = process::outcome_of([] {
    void* const p = opaque(std::malloc(nothing));
    std::free(p), std::free(opaque(p));
  });
  CHECK(twice.aborted() && twice.says("basalt: double free: 0x"));
  const process::Outcome sized =
      process::outcome_of([] { operator delete (opaque(operator new(nothing)), std::size_t{8}); });
  CHECK(sized.aborted() && sized.says("basalt: invalid size in free_sized: 0x"));
}

}  // namespace

int main() {
  process::must_be_ours();
  every_door();
  many();
  crimes();
  process::heap_must_be_valid();
}
