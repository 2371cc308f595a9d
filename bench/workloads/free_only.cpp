// What does a thread cost that never allocates and only frees, while another builds whole sets of blocks for it?
#include <thread>
#include <vector>

#include "workload.hpp"

int main(int count, char** arguments) {
  const workload::Task task{count, arguments};
  workload::Dice dice{1};
  const std::size_t rounds = task.times(60);
  constexpr std::size_t blocks = 60'000;
  std::vector<void*> made(blocks);
  std::vector<void*> given(blocks, nullptr);
  for (std::size_t round = 0; round < rounds; ++round) {
    std::thread freeing{[&] {
      for (void* block : given) std::free(block);
    }};
    for (void*& block : made) {
      const std::size_t bytes = dice.pareto(16, 1024);
      block = std::malloc(bytes);
      workload::use(block, bytes);
    }
    freeing.join();
    made.swap(given);
  }
  for (void* block : given) std::free(block);
  return workload::Task::done(rounds * blocks);
}
