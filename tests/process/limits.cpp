// The limits on the process: above the soft one free memory goes back at once, above the hard one there is none, and the
// program lives on.
//
// runs: none
// engine runs: global static
#include <basalt/basalt.h>

#include <malloc.h>

#include <atomic>
#include <new>
#include <thread>
#include <vector>

#include "support/process.hpp"

namespace {

constexpr std::size_t mib = 1 << 20;

void refused_with_enomem() {
  for (const std::size_t size : {100 * mib, 3 * mib / 2}) {
    errno = 0;
    std::vector<void*> blocks(200);  // asked for before there is nothing left
    std::size_t count = 0;
    while (count < blocks.size() && (blocks[count] = std::malloc(size)) != nullptr) ++count;
    CHECK(count * size <= 64 * mib && errno == ENOMEM);
    errno = 0;
    CHECK(std::calloc(1, size) == nullptr && errno == ENOMEM);
    errno = 0;
    CHECK(std::aligned_alloc(1 << 16, size) == nullptr && errno == ENOMEM);
    CHECK(::operator new(size, std::nothrow) == nullptr);
    void* out = nullptr;
    CHECK(posix_memalign(&out, 1 << 16, size) == ENOMEM && out == nullptr);
    while (count-- != 0) std::free(blocks[count]);
  }
  void* const again = std::malloc(40 * mib);
  CHECK(again != nullptr);
  errno = 0;
  CHECK(std::realloc(again, 70 * mib) == nullptr && errno == ENOMEM);
  CHECK(malloc_usable_size(again) >= 40 * mib);
  std::free(again);
}

void small_blocks_too() {
  constexpr std::size_t size = 2000;
  void** chain = nullptr;
  std::size_t count = 0;
  while (auto** const block = static_cast<void**>(std::malloc(size))) {
    std::memset(static_cast<void*>(block), 1, size);
    *block = chain;
    chain = block;
    ++count;
  }
  CHECK(errno == ENOMEM && count * size > 48 * mib && count * size <= 64 * mib);
  while (chain != nullptr) {
    void** const next = static_cast<void**>(*chain);
    std::free(chain);
    chain = next;
  }
  CHECK(std::malloc(size) != nullptr);
}

void of_all_threads_together() {
  std::atomic<std::size_t> granted{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&granted] {
      for (int n = 0; n < 200; ++n) {
        if (std::malloc(mib) != nullptr) granted += mib;  // lost, as it should be
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(granted > 32 * mib && granted <= 64 * mib);
}

void the_soft_limit_keeps_nothing() {
  const auto kept_of_20_mib = [] {
    void* blocks[20];
    for (void*& block : blocks) block = std::memset(std::malloc(mib), 1, mib);
    for (void* const block : blocks) std::free(block);
    return basalt_purge();
  };
  CHECK(process::is_hardened() ||
        kept_of_20_mib() >= 20 * mib);  // which keeps nothing of large blocks anyway
  CHECK(basalt_option_set("soft_limit", "1M") == 0);
  CHECK(kept_of_20_mib() <= 2 * mib);
  CHECK(basalt_option_set("soft_limit", "none") == 0);
}

}  // namespace

int main() {
  process::must_be_ours();
  the_soft_limit_keeps_nothing();
  CHECK(basalt_option_set("hard_limit", "64M") == 0);
  refused_with_enomem();
  small_blocks_too();
  of_all_threads_together();
  CHECK(basalt_option_set("hard_limit", "none") == 0);
  void* const p = std::malloc(100 * mib);
  CHECK(p != nullptr);
  std::free(p);
  process::heap_must_be_valid();
}
