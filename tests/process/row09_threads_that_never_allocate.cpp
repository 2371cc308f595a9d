// Row 9: glibc frees a thread's table of thread-local blocks after our last chance to run in it. Threads that never
// allocate, with a library that has thread-local data, must leave nothing behind; a destructor of theirs may ask us.
// runs: preload global
#include <malloc.h>
#include <pthread.h>

#include "support/process.hpp"

namespace {

using Touch = int (*)();

pthread_key_t key;
void* shared = nullptr;

// Runs in a thread that has never allocated, and may be past our own last chance to run in it.
void ask_at_exit(void*) { CHECK(malloc_usable_size(shared) >= 100); }

void* touch(void* function) {
  CHECK(reinterpret_cast<Touch>(function)() == 1);
  CHECK(pthread_setspecific(key, &key) == 0);
  return nullptr;
}

void run(int threads, void* function) {
  for (int i = 0; i < threads; ++i) {
    pthread_t thread;
    CHECK(pthread_create(&thread, nullptr, touch, function) == 0);
    CHECK(pthread_join(thread, nullptr) == 0);
  }
}

}  // namespace

int main() {
  process::must_be_ours();
  void* const library = dlopen(process::plugin("thread_local_data"), RTLD_NOW);
  CHECK(library != nullptr);
  void* const function = dlsym(library, "touch_thread_local");
  CHECK(function != nullptr);
  shared = std::malloc(100);
  CHECK(pthread_key_create(&key, ask_at_exit) == 0);
  run(200, function);
  const long before = process::resident_kib();
  const int threads = process::times(5000);
  run(threads, function);
  CHECK(process::resident_kib() - before < 512);
  process::figure(threads, "threads that never allocate");
  std::free(shared);
  process::heap_must_be_valid();
}
