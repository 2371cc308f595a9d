// What do threads cost that inherit half of their predecessor's blocks, free some and leave the rest behind?
#include <thread>
#include <vector>

#include "workload.hpp"

int main(int count, char** arguments) {
  const workload::Task task{count, arguments};
  const std::size_t generations = task.times(600);
  constexpr std::size_t births = 8'000;
  std::vector<void*> blocks;
  blocks.reserve(4 * births);
  for (std::size_t generation = 0; generation < generations; ++generation) {
    std::thread{[&] {
      workload::Dice dice{generation};
      for (std::size_t i = 0; i < births; ++i) {
        const std::size_t bytes = dice.pareto(16, 8192);
        blocks.push_back(std::malloc(bytes));
        workload::use(blocks.back(), bytes);
      }
      while (blocks.size() > births) {
        void*& victim = blocks[dice.below(blocks.size())];
        std::free(victim);
        victim = blocks.back();
        blocks.pop_back();
      }
    }}.join();
  }
  for (void* block : blocks) std::free(block);
  return workload::Task::done(generations * births);
}
