// What does a block cost that one thread allocates and another frees?  Variants: single (one at a time), batched (256).
#include <atomic>
#include <thread>
#include <vector>

#include "workload.hpp"

namespace {

// One producer, one consumer; each waits by yielding, since the two may share a processor.
class Queue {
 public:
  void put(void* block) {
    const std::size_t at = tail_.load(std::memory_order_relaxed);
    while (at - head_.load(std::memory_order_acquire) == size) std::this_thread::yield();
    slots_[at % size] = block;
    tail_.store(at + 1, std::memory_order_release);
  }
  void* get() {
    const std::size_t at = head_.load(std::memory_order_relaxed);
    while (at == tail_.load(std::memory_order_acquire)) std::this_thread::yield();
    void* const block = slots_[at % size];
    head_.store(at + 1, std::memory_order_release);
    return block;
  }

 private:
  static constexpr std::size_t size = 1 << 12;
  alignas(128) std::atomic<std::size_t> head_{0};
  alignas(128) std::atomic<std::size_t> tail_{0};
  alignas(128) void* slots_[size] = {};
};

Queue queue;

}  // namespace

int main(int count, char** arguments) {
  const workload::Task task{count, arguments};
  const std::size_t batch = task.is("batched") ? 256 : 1;
  const std::size_t batches = task.times(6'000'000) / batch + 1;
  std::thread consumer{[=] {
    for (std::size_t i = 0; i < batches; ++i) {
      auto** const blocks = static_cast<void**>(queue.get());
      for (std::size_t k = 1; k < batch; ++k) std::free(blocks[k]);
      std::free(blocks);
    }
  }};
  workload::Dice dice{1};
  for (std::size_t i = 0; i < batches; ++i) {
    auto** const blocks = static_cast<void**>(std::malloc(batch * sizeof(void*) + 24));
    for (std::size_t k = 1; k < batch; ++k) {
      const std::size_t bytes = dice.pareto(24, 4096);
      blocks[k] = std::malloc(bytes);
      workload::use(blocks[k], bytes);
    }
    queue.put(blocks);
  }
  consumer.join();
  return workload::Task::done(batches * batch);
}
