// Row 12 (and 13): producers allocate, one thread that never allocates frees; memory stays what is alive.
// runs: preload global
#include <atomic>
#include <thread>

#include "support/process.hpp"

int main() {
  process::must_be_ours();
  constexpr int producers = 4;
  constexpr std::size_t slots = 256;
  static std::atomic<void*> mailbox[slots];
  std::atomic<int> running{producers};
  std::thread freer{[&] {
    for (bool last = false; !last;) {
      last = running.load() == 0;
      for (std::atomic<void*>& slot : mailbox) std::free(slot.exchange(nullptr));
      ::sched_yield();
    }
  }};
  std::thread pool[producers];
  for (int i = 0; i < producers; ++i) {
    pool[i] = std::thread{[&, i] {
      process::Random random{static_cast<std::uint64_t>(i + 1)};
      for (int round = 0; round < process::times(10000); ++round) {
        void* const block = std::malloc(2000);
        std::memset(block, 1, 2000);
        std::free(mailbox[random.below(slots)].exchange(block));
      }
      running.fetch_sub(1);
    }};
  }
  for (std::thread& thread : pool) thread.join();
  freer.join();
  process::heap_must_be_valid();
  CHECK(process::resident_kib() < 16 * 1024);  // 80 MB went through
}
