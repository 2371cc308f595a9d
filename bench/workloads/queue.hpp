// A queue of blocks from one thread to another.
#pragma once

#include <atomic>
#include <cstddef>
#include <thread>

namespace workload {

// One producer, one consumer; each waits by yielding, since the two may share a processor.
class Queue {
 public:
  static constexpr std::size_t size = 1 << 12;

  // Effects: waits until fewer than `most` blocks are in the queue, then puts one more.
  void put(void* block, std::size_t most = size) {
    const std::size_t at = tail_.load(std::memory_order_relaxed);
    while (at - head_.load(std::memory_order_acquire) >= most) std::this_thread::yield();
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
  alignas(128) std::atomic<std::size_t> head_{0};
  alignas(128) std::atomic<std::size_t> tail_{0};
  alignas(128) void* slots_[size] = {};
};

}  // namespace workload
