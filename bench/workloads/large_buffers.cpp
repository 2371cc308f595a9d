// What do buffers of 5 to 25 MiB cost, of which a few live at a time and every page is written to?
#include "workload.hpp"

int main(int count, char** arguments) {
  const workload::Task task{count, arguments};
  workload::Dice dice{1};
  const std::size_t rounds = task.times(400);
  void* blocks[4] = {};
  for (std::size_t i = 0; i < rounds; ++i) {
    void*& block = blocks[dice.below(4)];
    std::free(block);
    const std::size_t bytes = (5u << 20) + dice.below(20u << 20);
    block = std::malloc(bytes);
    workload::touch(block, bytes);
  }
  for (void* block : blocks) std::free(block);
  return workload::Task::done(rounds);
}
