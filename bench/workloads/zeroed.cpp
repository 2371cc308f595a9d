// What do zeroed blocks cost, small and large, of which few pages are written to?
#include "workload.hpp"

int main(int count, char** arguments) {
  const workload::Task task{count, arguments};
  workload::Dice dice{1};
  const std::size_t rounds = task.times(4'000'000);
  void* blocks[64] = {};
  for (std::size_t i = 0; i < rounds; ++i) {
    void*& block = blocks[dice.below(64)];
    std::free(block);
    const std::size_t bytes = i % 512 == 0 ? 1u << 20 : dice.pareto(32, 64 << 10);
    block = std::calloc(1, bytes);
    workload::use(block, bytes);
  }
  for (void* block : blocks) std::free(block);
  return workload::Task::done(rounds);
}
