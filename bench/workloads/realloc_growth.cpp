// What does it cost to let blocks grow, a little at a time, side by side?
#include <algorithm>

#include "workload.hpp"

int main(int count, char** arguments) {
  const workload::Task task{count, arguments};
  const std::size_t rounds = task.times(40);
  constexpr std::size_t most = 4 << 20;
  std::size_t operations = 0;
  for (std::size_t round = 0; round < rounds; ++round) {
    void* blocks[8] = {};
    for (std::size_t bytes = 64; bytes < most; bytes += std::max<std::size_t>(64, bytes / 16)) {
      for (void*& block : blocks) {
        block = std::realloc(block, bytes);
        workload::use(block, bytes);
        ++operations;
      }
    }
    for (void* block : blocks) std::free(block);
  }
  return workload::Task::done(operations);
}
