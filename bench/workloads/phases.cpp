// How much memory does a program keep whose sizes shift from one phase to the next, and whose survivors are few?
#include <vector>

#include "workload.hpp"

int main(int count, char** arguments) {
  const workload::Task task{count, arguments};
  workload::Dice dice{1};
  const std::size_t rounds = task.times(3);
  constexpr std::size_t budget = 64 << 20;  // bytes live in each phase
  std::size_t operations = 0;
  std::vector<void*> survivors;
  for (std::size_t round = 0; round < rounds; ++round) {
    for (std::size_t size = 24; size < 24'000; size = size * 3 / 2) {
      std::vector<void*> blocks;
      for (std::size_t bytes = 0; bytes < budget; bytes += size) {
        blocks.push_back(std::malloc(size));
        workload::touch(blocks.back(), size);
      }
      operations += blocks.size();
      for (void* block : blocks) {
        if (dice.below(100) == 0) {
          survivors.push_back(block);
        } else {
          std::free(block);
        }
      }
    }
    for (void* block : survivors) std::free(block);
    survivors.clear();
  }
  return workload::Task::done(operations, budget);
}
