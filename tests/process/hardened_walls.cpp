// The hardened library in a whole process: what lies around large blocks and behind spans cannot be touched, nor can large blocks
// that were freed; and memory of one size class is never another's.
// runs: none
// engine runs: none
// hardened runs: preload global static
#include <malloc.h>

#include <map>
#include <vector>

#include "support/process.hpp"

namespace {

using process::opaque;
using process::readable;

constexpr std::size_t kib = 1024;

char* made(std::size_t size) {
  auto* const block = static_cast<char*>(opaque(std::malloc(size)));
  CHECK(block != nullptr);
  std::memset(block, 1, size);
  return block;
}

// Behind the last page that a block has; a byte of it is the mark's.
const char* end_of(const char* block, std::size_t size) {
  const auto end = reinterpret_cast<std::uintptr_t>(block) + size + 1;
  return reinterpret_cast<const char*>((end + 4095) / 4096 * 4096);
}

void walls_around(std::size_t size) {
  char* const block = made(size);
  CHECK(!readable(block - 1) && readable(block) && readable(block + size));
  const char* const end = end_of(block, size);
  CHECK(!readable(end) || !readable(end + 4096));  // a page more where the chunk would end with the block
  std::free(block);
}

void exile_of(std::size_t size) {
  char* const block = made(size);
  std::free(block);
  CHECK(!readable(block) && !readable(block + size - 1));
  for (int i = 0; i < 60; ++i) {
    char* const next = made(size);
    CHECK(next != opaque(block));
    std::free(next);
  }
  CHECK(!readable(block));
}

// 16 MiB of every size that is asked for, one after the other: no two share a page, whatever was freed.
void classes_apart() {
  std::map<std::uintptr_t, std::size_t> owner;
  for (const std::size_t size : {24U, 40U, 100U, 500U, 1000U, 3000U, 9000U, 30'000U, 40'000U}) {
    std::vector<char*> blocks;
    for (std::size_t i = 0; i < 2'000; ++i) {
      blocks.push_back(made(size));
      const std::uintptr_t page = reinterpret_cast<std::uintptr_t>(blocks.back()) / 4096;
      CHECK(owner.try_emplace(page, size).first->second == size);
    }
    for (char* block : blocks) std::free(block);
    if (size % 3 == 0) malloc_trim(0);
  }
}

// Somewhere behind a block of a span, and not far, is what cannot be touched.
void walls_behind_spans() {
  for (const std::size_t size : {16U, 100U, 1000U, 5000U, 32'000U}) {
    const char* at = made(size);
    std::size_t way = 0;
    while (way <= 256 * kib && readable(at + way)) way += 4096;
    CHECK(way <= 256 * kib);
  }
}

}  // namespace

int main() {
  process::must_be_ours();
  for (const std::size_t size : {300 * kib, 1024 * kib, 4096 * kib - 2, 4096 * kib, 64 * 1024 * kib})
    walls_around(size);
  for (const std::size_t size : {40 * kib, 200 * kib, 1024 * kib, 8192 * kib}) exile_of(size);
  classes_apart();
  walls_behind_spans();
  process::heap_must_be_valid();
}
