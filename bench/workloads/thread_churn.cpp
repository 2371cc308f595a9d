// What does the allocator add to threads that live for a moment, allocate a little and end?
#include <thread>
#include <vector>

#include "workload.hpp"

int main(int count, char** arguments) {
  const workload::Task task{count, arguments};
  const std::size_t rounds = task.times(2'500);
  constexpr std::size_t threads = 4;
  constexpr std::size_t blocks = 50;
  for (std::size_t round = 0; round < rounds; ++round) {
    std::vector<std::thread> all;
    for (std::size_t i = 0; i < threads; ++i) {
      all.emplace_back([=] {
        workload::Dice dice{round * threads + i};
        void* mine[blocks];
        for (void*& block : mine) {
          const std::size_t bytes = dice.pareto(16, 4096);
          block = std::malloc(bytes);
          workload::use(block, bytes);
        }
        for (void* block : mine) std::free(block);
      });
    }
    for (std::thread& thread : all) thread.join();
  }
  return workload::Task::done(rounds * threads * blocks);
}
