// What does a block cost that one thread allocates and another frees?  Variants: single (one at a time), batched (256).
#include <thread>

#include "queue.hpp"
#include "workload.hpp"

namespace {

workload::Queue queue;

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
    queue.put(blocks, workload::Queue::size / batch);  // so that as many blocks wait in either variant
  }
  consumer.join();
  return workload::Task::done(batches * batch);
}
