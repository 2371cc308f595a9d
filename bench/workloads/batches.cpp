// What do batches of 25 to 1600 blocks cost, freed in the order they came or in reverse?  Variants: fifo, lifo.
#include <algorithm>
#include <vector>

#include "workload.hpp"

int main(int count, char** arguments) {
  const workload::Task task{count, arguments};
  workload::Dice dice{1};
  const std::size_t rounds = task.times(2'500);
  std::size_t operations = 0;
  std::vector<void*> blocks;
  for (std::size_t round = 0; round < rounds; ++round) {
    for (std::size_t batch = 25; batch <= 1600; batch *= 2) {
      blocks.resize(batch);
      for (void*& block : blocks) {
        const std::size_t bytes = dice.pareto(16, 2048);
        block = std::malloc(bytes);
        workload::use(block, bytes);
      }
      if (task.is("lifo")) std::reverse(blocks.begin(), blocks.end());
      for (void* block : blocks) std::free(block);
      operations += batch;
    }
  }
  return workload::Task::done(operations);
}
