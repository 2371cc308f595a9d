// Row 10: keys that set each other again for every round of destructors, and a thread_local object, all freeing.
// runs: preload global static
#include <pthread.h>

#include <climits>
#include <memory>
#include <vector>

#include "support/process.hpp"

namespace {

constexpr int keys = 5;
pthread_key_t key[keys];
thread_local int rounds_left = PTHREAD_DESTRUCTOR_ITERATIONS - 1;

struct Owner {
  std::vector<int> numbers = std::vector<int>(1000, 7);
  ~Owner() { CHECK(numbers.size() == 1000); }
};
thread_local std::unique_ptr<Owner> owned;

void rearm(void* value) {
  std::free(value);
  if (rounds_left-- <= 0) return;
  for (const pthread_key_t each : key) {
    if (pthread_getspecific(each) == nullptr) CHECK(pthread_setspecific(each, std::malloc(300)) == 0);
  }
}

void* work(void*) {
  owned = std::make_unique<Owner>();
  for (const pthread_key_t each : key) CHECK(pthread_setspecific(each, std::malloc(200)) == 0);
  return nullptr;
}

void run(int threads) {
  for (int i = 0; i < threads; ++i) {
    pthread_t thread;
    CHECK(pthread_create(&thread, nullptr, work, nullptr) == 0);
    CHECK(pthread_join(thread, nullptr) == 0);
  }
}

}  // namespace

int main() {
  process::must_be_ours();
  for (pthread_key_t& each : key) CHECK(pthread_key_create(&each, rearm) == 0);
  run(100);
  const long before = process::resident_kib();
  const int threads = process::times(2000);
  run(threads);
  CHECK(process::resident_kib() - before < 1024);
  process::figure(threads, "threads that free in destructors");
  process::heap_must_be_valid();
}
