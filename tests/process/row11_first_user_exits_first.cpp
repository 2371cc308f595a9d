// Row 11: the thread that used the allocator first is gone before the others come, and its stack is used again.
// runs: preload global static
#include <thread>

#include "support/process.hpp"

int main() {
  process::must_be_ours();
  void* left_behind = nullptr;
  std::thread{[&] { left_behind = std::malloc(100); }}.join();
  for (int i = 0; i < process::times(500); ++i) {
    std::thread{[i] { process::churn(static_cast<std::uint64_t>(i), 20, 3000); }}.join();
  }
  std::free(left_behind);
  process::heap_must_be_valid();
}
