// Row 3: fork handlers of others, registered early and late, that allocate, free and make threads.
// runs: preload global static
#include <pthread.h>

#include "support/process.hpp"

namespace {

int calls = 0;

void use_heap() {
  calls += 1;
  void* blocks[10];
  for (void*& block : blocks) block = process::opaque(std::malloc(1000));
  for (void* block : blocks) std::free(block);
  std::free(process::opaque(std::calloc(1, 1 << 20)));
  std::free(process::opaque(std::realloc(std::malloc(10), 100000)));
}

void* use_heap_in_thread(void*) {
  std::free(process::opaque(std::malloc(1000)));
  return nullptr;
}

// A thread that allocates and is waited for. Ours run after these before a fork and before these after it, because
// these were registered later: the heap is open.
void make_thread() {
  use_heap();
  pthread_t thread;
  CHECK(pthread_create(&thread, nullptr, use_heap_in_thread, nullptr) == 0);
  CHECK(pthread_join(thread, nullptr) == 0);
}

// As early as a program can. Ours are there before that; what happens to handlers that run while the heap is locked
// is tested in tests/unit/door/malloc_family_test.cpp (ForkLock).
[[gnu::constructor(102)]] void register_early() { CHECK(pthread_atfork(use_heap, use_heap, use_heap) == 0); }

}  // namespace

int main() {
  process::must_be_ours();
  CHECK(pthread_atfork(make_thread, make_thread, use_heap) == 0);
  const int forks = process::times(20);
  for (int i = 0; i < forks; ++i) {
    process::in_child(10, [] {
      CHECK(calls > 0);
      process::churn(3, 100, 10000);
      process::heap_must_be_valid();
    });
  }
  CHECK(calls == forks * 4);
  process::figure(forks, "forks whose handlers allocate");
  process::heap_must_be_valid();
}
