// Row 37: memory that was used, freed and purged is zero when calloc hands it out, whether the purge gave its pages back
// or the system refused to take them: an allocator that believed what it had asked for would hand out old contents.
// runs: preload global static
#include <malloc.h>
#include <sys/mman.h>

#include <iterator>

#include "support/process.hpp"
#include "support/seccomp.hpp"

namespace {

constexpr std::size_t sizes[] = {24, 500, 4096, 30'000, 33'000, 150'000, 1'000'000, 2'500'000, 5'000'000};
constexpr int of_each = 4;

void* blocks[std::size(sizes)][of_each];

void dirty_and_free() {
  for (std::size_t i = 0; i < std::size(sizes); ++i) {
    for (void*& block : blocks[i]) {
      block = std::malloc(sizes[i]);
      CHECK(block != nullptr);
      std::memset(block, 0xee, sizes[i]);
    }
  }
  for (auto& row : blocks) {
    for (void* block : row) std::free(block);
  }
}

// All of them are taken before any is freed, so that what was given back in part is handed out too.
void all_zero() {
  for (std::size_t i = 0; i < std::size(sizes); ++i) {
    for (void*& block : blocks[i]) {
      block = std::calloc(sizes[i], 1);
      CHECK(block != nullptr);
      const auto* const bytes = static_cast<const unsigned char*>(block);
      CHECK(bytes[0] == 0 && std::memcmp(bytes, bytes + 1, sizes[i] - 1) == 0);
    }
  }
  for (auto& row : blocks) {
    for (void* block : row) std::free(block);
  }
}

void rounds() {
  for (int i = 0; i < process::times(2); ++i) {
    dirty_and_free();
    if (i % 2 == 0) malloc_trim(0);
    all_zero();
    malloc_trim(0);
    all_zero();
  }
  process::heap_must_be_valid();
}

// Returns: false where there is no seccomp.
[[nodiscard]] bool rounds_without_purging(int error) {
  const process::Outcome outcome = process::outcome_of([error] {
    process::Filter filter;
    filter.when_advised(MADV_DONTNEED, process::Filter::fails(error));
    filter.when_advised(MADV_FREE, process::Filter::fails(error));
    if (!filter.install()) ::_exit(process::skipped);
    rounds();
  });
  std::fputs(outcome.words, stderr);
  if (WIFEXITED(outcome.status) && WEXITSTATUS(outcome.status) == process::skipped) return false;
  CHECK(process::succeeded(outcome.status));
  return true;
}

}  // namespace

int main() {
  process::must_be_ours();
  rounds();
  for (const int error : {EPERM, ENOMEM}) {
    if (!rounds_without_purging(error))
      std::printf("seccomp is not allowed here: half of this row is not run\n");
  }
}
