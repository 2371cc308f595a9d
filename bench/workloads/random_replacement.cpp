// What does a large live set cost, of which a random block is replaced each time by one of another size?
#include <vector>

#include "workload.hpp"

int main(int count, char** arguments) {
  const workload::Task task{count, arguments};
  workload::Dice dice{1};
  constexpr std::size_t live = 400'000;
  std::vector<void*> blocks(live, nullptr);
  const std::size_t rounds = task.times(8'000'000);
  for (std::size_t i = 0; i < rounds; ++i) {
    void*& block = blocks[dice.below(live)];
    std::free(block);
    const std::size_t bytes = dice.pareto(24, 32 << 10);
    block = std::malloc(bytes);
    workload::use(block, bytes);
  }
  for (void* block : blocks) std::free(block);
  return workload::Task::done(rounds);
}
