// Does a thread get on as quickly when others run beside it, each with blocks of its own?  Variants: 1, 2, 64 (threads).
#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "workload.hpp"

namespace {

void churn(std::uint64_t seed, std::size_t rounds) {
  constexpr std::size_t live = 2'000;
  workload::Dice dice{seed};
  std::vector<void*> blocks(live, nullptr);
  for (std::size_t i = 0; i < rounds; ++i) {
    void*& block = blocks[dice.below(live)];
    std::free(block);
    const std::size_t bytes = dice.pareto(16, 1024);
    block = std::malloc(bytes);
    workload::use(block, bytes);
  }
  for (void* block : blocks) std::free(block);
}

}  // namespace

int main(int count, char** arguments) {
  const workload::Task task{count, arguments};
  const std::size_t threads = task.is("64") ? 64 : task.is("2") ? 2 : 1;
  // One and two threads do the same each; many share the work of two.
  const std::size_t rounds = task.times(8'000'000) * std::min<std::size_t>(threads, 2) / threads;
  std::atomic<bool> go{false};
  std::vector<std::thread> all;
  for (std::size_t i = 0; i < threads; ++i) {
    all.emplace_back([&go, i, rounds] {
      go.wait(false, std::memory_order_acquire);
      churn(i, rounds);
    });
  }
  const auto begin = std::chrono::steady_clock::now();
  go.store(true, std::memory_order_release);
  go.notify_all();
  for (std::thread& thread : all) thread.join();
  const std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - begin;
  const std::size_t abreast = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, threads);
  const std::size_t operations = threads * rounds;
  return workload::Task::done(
      {.operations = operations,
       .thread_ns = time.count() * static_cast<double>(abreast) / static_cast<double>(operations)});
}
