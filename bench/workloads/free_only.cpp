// What does a thread cost that never allocates and only frees, while another builds whole sets of blocks for it?
// Looks at the memory there is in the end for the most that was held at a time.
#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "workload.hpp"

namespace {

struct Set {
  static constexpr std::size_t each = sizeof(void*) + sizeof(std::size_t);  // bytes of its own for a block
  explicit Set(std::size_t count) : blocks(count, nullptr), sizes(count, 0) {}
  std::vector<void*> blocks;
  std::vector<std::size_t> sizes;
};

std::atomic<std::size_t> freed{0};  // bytes, since the beginning

void free_all(const Set& set) {
  std::size_t bytes = freed.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < set.blocks.size(); ++i) {
    std::free(set.blocks[i]);
    freed.store(bytes += set.sizes[i], std::memory_order_relaxed);
  }
}

}  // namespace

int main(int count, char** arguments) {
  const workload::Task task{count, arguments};
  workload::Dice dice{1};
  const std::size_t rounds = task.times(60);
  constexpr std::size_t blocks = 60'000;
  Set made{blocks};
  Set given{blocks};
  std::size_t obtained = 0;  // bytes, since the beginning
  std::size_t most = 0;
  for (std::size_t round = 0; round < rounds; ++round) {
    std::thread freeing{[&given] { free_all(given); }};
    for (std::size_t i = 0; i < blocks; ++i) {
      const std::size_t bytes = dice.pareto(16, 1024);
      made.blocks[i] = std::malloc(bytes);
      workload::use(made.blocks[i], bytes);
      made.sizes[i] = bytes;
      obtained += bytes;
      most = std::max(most, obtained - freed.load(std::memory_order_relaxed));
    }
    freeing.join();
    std::swap(made, given);
  }
  const workload::Held held{most + 2 * blocks * Set::each};
  free_all(given);
  return workload::Task::done({.operations = rounds * blocks, .held = held});
}
