// A program that is idle keeps no more memory than the library says, without a call of its own; after malloc_trim next to
// nothing; and any thread can purge for all of them.
//
// runs: none
// engine runs: global
#include <basalt/basalt.h>

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "support/process.hpp"

namespace {

constexpr std::size_t mib = 1 << 20;

// Blocks of these sizes in turns, all of each touched. Linked through themselves, so that only the heap grows.
constexpr std::size_t sizes[] = {48, 1000, 20'000, 150'000, 3'000'000};

struct Link {
  Link* next;
};

[[nodiscard]] Link* take(std::size_t bytes) {
  Link* chain = nullptr;
  for (std::size_t taken = 0, i = 0; taken < bytes; ++i) {
    const std::size_t share = bytes / 64;  // of one size before the next
    const std::size_t size = sizes[i % 5];
    for (std::size_t n = 0; n < share && taken < bytes; n += size, taken += size) {
      auto* const block = static_cast<Link*>(std::malloc(size));
      CHECK(block != nullptr);
      std::memset(static_cast<void*>(block), 1, size);
      block->next = chain;
      chain = block;
    }
  }
  return chain;
}

void give(Link* chain) {
  while (chain != nullptr) {
    Link* const next = chain->next;
    std::free(chain);
    chain = next;
  }
}

[[nodiscard]] std::size_t resident() { return static_cast<std::size_t>(process::resident_kib()) * 1024; }

void two_gib_are_freed_and_nothing_follows() {
  const std::size_t before = resident();
  Link* const all = take(2048 * mib);
  const std::size_t most = resident();
  CHECK(most - before >= 2048 * mib);
  give(all);
  const std::size_t idle = resident();
  const std::size_t bound = basalt_idle_bound();
  std::fprintf(stderr, "resident: %zu MiB at most, %zu when idle, %zu before; bound: %zu\n", most / mib,
               idle / mib, before / mib, bound / mib);
  CHECK(idle <= before + bound);
  const std::size_t records = process::is_hardened() ? 32 * mib : 0;  // of so much memory
  CHECK(bound <= 128 * mib + records);                                // or it would promise nothing
  malloc_trim(0);
  std::fprintf(stderr, "resident after malloc_trim: %zu MiB\n", resident() / mib);
  CHECK(resident() <= most / 20);
}

// The blocks of a thread that sleeps, freed by another: nothing of it is this thread's own.
void one_thread_purges_for_all() {
  std::atomic<int> step{0};
  Link* chain = nullptr;
  std::thread sleeper{[&] {
    chain = take(100 * mib);
    step = 1;
    step.notify_all();
    step.wait(1);
  }};
  step.wait(0);
  give(chain);
  const std::size_t before = resident();
  const std::size_t purged = basalt_purge();
  std::fprintf(stderr, "purged: %zu MiB\n", purged / mib);
  CHECK(purged > 0 && resident() + purged / 2 <= before);
  CHECK(basalt_idle_bound() >= 32 * mib);  // what may gather again
  basalt_heap_stats stats;
  basalt_stats(&stats);
  std::fprintf(stderr, "resident: %zu MiB; live: %zu\n", resident() / mib, stats.live_bytes / mib);
  CHECK(resident() <= stats.live_bytes + 16 * mib);
  step = 2;
  step.notify_all();
  sleeper.join();
}

// One block in two hundred survives and keeps its span, but not the pages of all the others.
void survivors_keep_no_more_than_their_pages() {
  constexpr std::size_t size = 100;
  std::vector<void*> survivors;
  survivors.reserve(100 * mib / size / 200 + 1);
  Link* chain = nullptr;
  for (std::size_t n = 0; n < 100 * mib / size; ++n) {
    auto* const block = static_cast<Link*>(std::malloc(size));
    CHECK(block != nullptr);
    std::memset(static_cast<void*>(block), 1, size);
    if (n % 200 == 0) {
      survivors.push_back(block);
    } else {
      block->next = chain;
      chain = block;
    }
  }
  give(chain);
  const std::size_t before = resident();
  malloc_trim(0);
  const std::size_t after = resident();
  std::fprintf(stderr, "resident with survivors: %zu MiB, after malloc_trim: %zu MiB\n", before / mib,
               after / mib);
  CHECK(after + 40 * mib <= before);
  process::heap_must_be_valid();
  for (void* block : survivors) {
    CHECK(*(static_cast<unsigned char*>(block) + size - 1) == 1);
    std::free(block);
  }
  give(take(100 * mib));  // the holes are used again
}

}  // namespace

int main() {
  process::must_be_ours();
  const auto pages = static_cast<std::size_t>(::sysconf(_SC_AVPHYS_PAGES));
  if (pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) < 3072 * mib)
    process::skip("needs 3 GiB of free memory");
  one_thread_purges_for_all();
  survivors_keep_no_more_than_their_pages();
  two_gib_are_freed_and_nothing_follows();
  process::heap_must_be_valid();
}
