// Row 1: forks at random moments while eight threads are inside the allocator; every child works hard.
// runs: preload global static
#include <atomic>
#include <thread>

#include "support/process.hpp"

namespace {

constexpr int threads = 8;
const int forks = process::times(60);

void child_works_hard() {
  process::churn(7, 500, 4096);
  process::churn(8, 3, 8 << 20);
  process::heap_must_be_valid();
}

}  // namespace

int main() {
  process::must_be_ours();
  std::atomic<bool> stop{false};
  std::thread pool[threads];
  for (int i = 0; i < threads; ++i) {
    pool[i] = std::thread{[&stop, i] {
      for (std::uint64_t round = 0; !stop.load(std::memory_order_relaxed); ++round) {
        process::churn(round * threads + static_cast<std::uint64_t>(i), 20, std::size_t{16} << (round % 10));
        ::usleep(200);  // two processors must do for eight threads and the children
      }
    }};
  }
  process::Random random{1};
  std::thread other{[] {  // a thread that is not the main one forks too
    for (int i = 0; i < forks / 2; ++i) process::in_child(10, child_works_hard);
  }};
  for (int i = 0; i < forks / 2; ++i) {
    ::usleep(static_cast<useconds_t>(random.below(2000)));
    process::in_child(10, child_works_hard);
  }
  other.join();
  stop = true;
  for (std::thread& thread : pool) thread.join();
  process::figure(forks, "forks beside 8 threads that allocate");
  process::heap_must_be_valid();
}
