// What do blocks cost that outlive the server thread that made them, and are replaced by its successor?
#include <thread>
#include <vector>

#include "workload.hpp"

namespace {

constexpr std::size_t blocks_each = 5'000;
constexpr std::size_t rounds_each = 60'000;

using Blocks = std::vector<void*>;

void serve(Blocks& blocks, std::uint64_t seed) {
  workload::Dice dice{seed};
  for (std::size_t i = 0; i < rounds_each; ++i) {
    void*& block = blocks[dice.below(blocks_each)];
    std::free(block);
    const std::size_t bytes = 8 + dice.below(1000);
    block = std::malloc(bytes);
    workload::use(block, bytes);
  }
}

}  // namespace

int main(int count, char** arguments) {
  const workload::Task task{count, arguments};
  constexpr std::size_t servers = 4;
  const std::size_t generations = task.times(25);
  std::vector<Blocks> sets(servers, Blocks(blocks_each, nullptr));
  for (std::size_t generation = 0; generation < generations; ++generation) {
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < servers; ++i) {
      threads.emplace_back(serve, std::ref(sets[(i + generation) % servers]), generation * servers + i);
    }
    for (std::thread& thread : threads) thread.join();
  }
  for (Blocks& blocks : sets) {
    for (void* block : blocks) std::free(block);
  }
  return workload::Task::done(generations * servers * rounds_each);
}
