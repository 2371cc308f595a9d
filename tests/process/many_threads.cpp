// Threads in numbers, on stacks of 64 KiB: one after another, each of which leaves a block for the next to free; and 2,000 at
// once, wave after wave. However many there have been, what cannot be trimmed is what it was. The tables of all addresses that were
// ever in use at once stay, and the later waves may need a few more. (The small kitchen, with its one list, takes minutes.)
// runs: none
// engine runs: preload global static
// hardened runs: preload
#include <malloc.h>
#include <pthread.h>

#include <algorithm>

#include "basalt/basalt.h"
#include "support/process.hpp"

extern "C" void basalt_stats(struct basalt_heap_stats* out) __attribute__((weak));

namespace {

constexpr int at_once = 2000;
constexpr long slack_kib = 2048;
constexpr long tables = 32;  // what describes addresses takes less than this part of them

pthread_attr_t small_stack;
void* left = nullptr;  // by the thread before
pthread_barrier_t all_there;

void wait_for_all() {
  const int arrived = pthread_barrier_wait(&all_there);
  CHECK(arrived == 0 || arrived == PTHREAD_BARRIER_SERIAL_THREAD);
}

void* one_after_another(void* number) {
  std::free(left);
  process::churn(reinterpret_cast<std::uintptr_t>(number), 20, 5000);
  left = std::malloc(1000);
  CHECK(left != nullptr);
  return nullptr;
}

void sequential(int threads) {
  static std::uintptr_t made = 0;
  for (int i = 0; i < threads; ++i) {
    pthread_t thread;
    CHECK(pthread_create(&thread, &small_stack, one_after_another, reinterpret_cast<void*>(made++)) == 0);
    CHECK(pthread_join(thread, nullptr) == 0);
  }
}

void* beside_all_others(void* number) {
  void* blocks[16];
  std::size_t size = 16;
  for (void*& block : blocks) {
    block = std::malloc(size);
    CHECK(block != nullptr);
    std::memset(block, 1, size);
    size += size / 2;
  }
  wait_for_all();  // now the memory is measured
  wait_for_all();
  for (void* const block : blocks) std::free(block);
  process::churn(reinterpret_cast<std::uintptr_t>(number), 5, 5000);
  return nullptr;
}

// What is resident when all that nobody holds has gone back, in KiB.
long trimmed_kib() {
  malloc_trim(0);
  return process::resident_kib();
}

// The addresses that there are for blocks, used or given back, in KiB.
long address_kib() {
  basalt_heap_stats now;
  basalt_stats(&now);
  return static_cast<long>(now.grown_bytes >> 10);
}

// Returns: how much was resident while all of them held their blocks, in KiB.
long wave() {
  static pthread_t pool[at_once];
  CHECK(pthread_barrier_init(&all_there, nullptr, at_once + 1) == 0);
  for (std::uintptr_t i = 0; i < at_once; ++i) {
    CHECK(pthread_create(&pool[i], &small_stack, beside_all_others, reinterpret_cast<void*>(i)) == 0);
  }
  wait_for_all();
  const long resident = process::resident_kib();
  wait_for_all();
  for (const pthread_t thread : pool) CHECK(pthread_join(thread, nullptr) == 0);
  CHECK(pthread_barrier_destroy(&all_there) == 0);
  return resident;
}

}  // namespace

int main() {
  process::must_be_ours();
  CHECK(pthread_attr_init(&small_stack) == 0 && pthread_attr_setstacksize(&small_stack, 64 << 10) == 0);
  sequential(500);
  const long before = trimmed_kib();
  const int one_by_one = process::times(5000);
  sequential(one_by_one);
  const long grown = trimmed_kib() - before;
  long peak = std::max(wave(), wave());
  const long after_first = trimmed_kib();
  const long addresses = address_kib();
  const int waves = process::times(2);
  for (int i = 0; i < waves; ++i) peak = std::max(peak, wave());
  const long grown_by_waves = trimmed_kib() - after_first;
  const long more_addresses = address_kib() - addresses;
  process::figure(one_by_one, "threads one after another");
  process::figure(std::max(grown, 0L), "KiB of growth at most by them");
  process::figure(waves, "waves of 2,000 threads at once");
  process::figure(std::max(grown_by_waves, 0L), "KiB of growth at most by these");
  process::figure(peak / 1024, "MiB resident at most while 2,000 lived");
  CHECK(grown < slack_kib);
  // The hardened library's quarantines fill up over some dozens of waves, and its tables have pages for all addresses at most.
  const long all_addresses = addresses + more_addresses;
  CHECK(more_addresses < (process::is_hardened() ? addresses : addresses / 4));
  CHECK(grown_by_waves < slack_kib + (process::is_hardened() ? all_addresses / tables : 0));
  std::free(left);
  process::heap_must_be_valid();
}
