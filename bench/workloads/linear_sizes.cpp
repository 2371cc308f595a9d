// What do all sizes from 8 bytes to 16 KiB cost, in several threads, when their pages are written to?
#include <thread>
#include <vector>

#include "workload.hpp"

int main(int count, char** arguments) {
  const workload::Task task{count, arguments};
  const std::size_t rounds = task.times(120);
  constexpr std::size_t step = 8;
  constexpr std::size_t sizes = (16 << 10) / step;
  constexpr std::size_t threads = 2;
  std::vector<std::thread> all;
  for (std::size_t i = 0; i < threads; ++i) {
    all.emplace_back([=] {
      std::vector<void*> blocks(sizes);
      for (std::size_t round = 0; round < rounds; ++round) {
        for (std::size_t k = 0; k < sizes; ++k) {
          blocks[k] = std::malloc((k + 1) * step);
          workload::touch(blocks[k], (k + 1) * step);
        }
        for (void* block : blocks) std::free(block);
      }
    });
  }
  for (std::thread& thread : all) thread.join();
  return workload::Task::done(threads * rounds * sizes);
}
