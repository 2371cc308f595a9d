// Row 13, in a forked child: forks while threads are in the midst of freeing each other's blocks. In the child their
// heaps serve new threads: what was on its way home is lost in part at most, and none of it comes home twice.
// runs: none
// engine runs: preload global static
#include <atomic>
#include <thread>

#include "support/process.hpp"

namespace {

constexpr int threads = 4;
constexpr std::size_t slots = 512;
std::atomic<void*> mailbox[slots];

struct Block {
  std::uint64_t owner;
  std::uint64_t rest[7];
};

// Each takes what it finds, which is mostly another thread's, and frees it: outboxes fill and are sent all the time.
void exchange(std::uint64_t seed, int rounds) {
  process::Random random{seed};
  for (int i = 0; i < rounds; ++i)
    std::free(mailbox[random.below(slots)].exchange(std::malloc(sizeof(Block))));
}

// A block that came home twice is soon in two hands: every one is marked, and looked at again.
void nobody_shares(std::uint64_t seed) {
  constexpr std::size_t many = 4000;
  static thread_local Block* held[many];
  for (std::size_t i = 0; i < many; ++i) {
    held[i] = static_cast<Block*>(std::malloc(sizeof(Block)));
    CHECK(held[i] != nullptr);
    held[i]->owner = seed * many + i;
  }
  for (std::size_t i = 0; i < many; ++i) CHECK(held[i]->owner == seed * many + i);
  for (Block* const block : held) std::free(block);
}

void child_uses_what_the_dead_left() {
  std::thread heirs[threads];
  for (int i = 0; i < threads; ++i) {
    heirs[i] = std::thread{[i] {
      nobody_shares(static_cast<std::uint64_t>(i));
      exchange(static_cast<std::uint64_t>(i), 2000);
      nobody_shares(static_cast<std::uint64_t>(i));
    }};
  }
  for (std::thread& heir : heirs) heir.join();
  process::heap_must_be_valid();
}

}  // namespace

int main() {
  process::must_be_ours();
  std::atomic<bool> stop{false};
  std::thread pool[threads];
  for (int i = 0; i < threads; ++i) {
    pool[i] = std::thread{[&stop, i] {
      for (auto seed = static_cast<std::uint64_t>(i); !stop.load(std::memory_order_relaxed); seed += threads)
        exchange(seed, 300);
    }};
  }
  process::Random random{1};
  const int forks = process::times(60);
  for (int i = 0; i < forks; ++i) {
    ::usleep(static_cast<useconds_t>(random.below(1000)));
    process::in_child(20, child_uses_what_the_dead_left);
  }
  stop = true;
  for (std::thread& thread : pool) thread.join();
  process::heap_must_be_valid();
}
