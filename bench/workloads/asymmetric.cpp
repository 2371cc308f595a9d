// Does memory pile up when one thread allocates fifteen times as much as another and a third frees it all, much later?
#include <array>
#include <thread>
#include <vector>

#include "queue.hpp"
#include "workload.hpp"

namespace {

constexpr std::size_t held = 100'000;  // blocks between their birth and their end
constexpr std::size_t batch = 1'000;

std::array<workload::Queue, 2> queues;

// Each block begins with its size.
void produce(workload::Queue& queue, std::uint64_t seed, std::size_t blocks) {
  workload::Dice dice{seed};
  for (std::size_t i = 0; i < blocks; ++i) {
    const std::size_t bytes = dice.pareto(24, 4096);
    auto* const block = static_cast<std::size_t*>(std::malloc(bytes));
    workload::use(block, bytes);
    *block = bytes;
    queue.put(block);
  }
}

// Returns: what it still held when all had come, its own ring among it.
workload::Held consume(std::size_t batches) {
  std::vector<void*> ring(held, nullptr);
  std::size_t live = held * sizeof(void*);
  for (std::size_t i = 0; i < batches * 16 * batch; ++i) {
    void*& oldest = ring[i % held];
    if (oldest != nullptr) live -= *static_cast<std::size_t*>(oldest);
    std::free(oldest);
    oldest = queues[i / batch % 16 == 0 ? 1 : 0].get();
    live += *static_cast<std::size_t*>(oldest);
  }
  const workload::Held now{live};
  for (void* block : ring) std::free(block);
  return now;
}

}  // namespace

int main(int count, char** arguments) {
  const workload::Task task{count, arguments};
  const std::size_t batches = task.times(220);
  std::thread busy{[=] { produce(queues[0], 1, batches * 15 * batch); }};
  std::thread lazy{[=] { produce(queues[1], 2, batches * batch); }};
  const workload::Held now = consume(batches);
  busy.join();
  lazy.join();
  return workload::Task::done({.operations = batches * 16 * batch, .held = now});
}
