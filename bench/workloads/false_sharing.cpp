// Do threads that write to blocks of their own get in each other's way, because the blocks share a cache line?
// Variants: active (each allocates its own), passive (the first block comes from the main thread).
#include <thread>
#include <vector>

#include "workload.hpp"

int main(int count, char** arguments) {
  const workload::Task task{count, arguments};
  const std::size_t rounds = task.times(3'000);
  constexpr std::size_t writes = 20'000;
  constexpr std::size_t threads = 4;
  std::vector<std::thread> all;
  for (std::size_t i = 0; i < threads; ++i) {
    void* const given = task.is("passive") ? std::malloc(8) : nullptr;
    all.emplace_back([=] {
      std::free(given);
      for (std::size_t round = 0; round < rounds; ++round) {
        void* const block = std::malloc(8);
        auto* const word = static_cast<volatile std::uint64_t*>(block);
        for (std::size_t k = 0; k < writes; ++k) *word = k;
        std::free(block);
      }
    });
  }
  for (std::thread& thread : all) thread.join();
  return workload::Task::done(threads * rounds);
}
