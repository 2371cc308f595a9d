// How much memory does a program need whose sizes shift from one phase to the next, and whose survivors are few?
// Looks at what is held, survivors and all, when the last phase has its blocks.
#include <vector>

#include "workload.hpp"

int main(int count, char** arguments) {
  const workload::Task task{count, arguments};
  workload::Dice dice{1};
  const std::size_t rounds = task.times(3);
  constexpr std::size_t budget = 64 << 20;  // bytes live in each phase
  std::size_t operations = 0;
  std::vector<void*> survivors;
  workload::Held held;
  for (std::size_t round = 0; round < rounds; ++round) {
    std::size_t surviving = 0;
    for (std::size_t size = 24; size < 24'000; size = size * 3 / 2) {
      std::vector<void*> blocks;
      for (std::size_t bytes = 0; bytes < budget; bytes += size) {
        blocks.push_back(std::malloc(size));
        workload::touch(blocks.back(), size);
      }
      operations += blocks.size();
      if (round + 1 == rounds && size * 3 / 2 >= 24'000)
        held = workload::Held{surviving + blocks.size() * size +
                              (blocks.capacity() + survivors.capacity()) * sizeof(void*)};
      for (void* block : blocks) {
        if (dice.below(100) == 0) {
          survivors.push_back(block);
          surviving += size;
        } else {
          std::free(block);
        }
      }
    }
    for (void* block : survivors) std::free(block);
    survivors.clear();
  }
  return workload::Task::done({.operations = operations, .held = held});
}
