// How long does the shortest way take: a small block, freed before the next but one is asked for?
#include "workload.hpp"

int main(int count, char** arguments) {
  const workload::Task task{count, arguments};
  const std::size_t rounds = task.times(12'000'000);
  for (std::size_t i = 0; i < rounds; ++i) {
    const std::size_t bytes = 16 + i % 8 * 16;
    void* const one = std::malloc(bytes);
    void* const two = std::malloc(bytes);
    workload::use(one, bytes);
    workload::use(two, bytes);
    std::free(two);
    std::free(one);
  }
  return workload::Task::done(2 * rounds);
}
