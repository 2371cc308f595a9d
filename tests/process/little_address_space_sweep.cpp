// `ulimit -v`, little by little: under limits from just what the process has to 96 MiB more, one thread, four or sixteen ask
// every function for blocks of all sizes. Each gives memory, or NULL and ENOMEM; nothing crashes, nothing hangs, and when all is
// free again the next request is served.
// runs: preload global static
#include <sys/mman.h>
#include <sys/resource.h>

#include <pthread.h>

#include "support/asking.hpp"

namespace {

constexpr std::size_t mib = 1 << 20;
constexpr int most_threads = 16;

// Shared with the children, who add to it.
struct Totals {
  long runs;
  long asked;
  long refused;
};
Totals* totals = nullptr;

void add(const process::Requests& requests) {
  __atomic_add_fetch(&totals->asked, requests.asked, __ATOMIC_RELAXED);
  __atomic_add_fetch(&totals->refused, requests.refused, __ATOMIC_RELAXED);
}

void limit_to(std::size_t more) {
  std::FILE* const file = std::fopen("/proc/self/statm", "re");
  CHECK(file != nullptr);
  unsigned long pages = 0;
  CHECK(std::fscanf(file, "%lu", &pages) == 1);
  std::fclose(file);
  const rlim_t bytes = pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE)) + more;
  const rlimit limit{bytes, bytes};
  CHECK(::setrlimit(RLIMIT_AS, &limit) == 0);
}

void* ask(void* seed) {
  add(process::ask_all(reinterpret_cast<std::uintptr_t>(seed), 3 * mib));
  return nullptr;
}

// What libc refuses, a thread because there is no room for its stack, is none of ours.
void live_within(std::size_t more, int threads) {
  pthread_attr_t attributes;
  CHECK(pthread_attr_init(&attributes) == 0 && pthread_attr_setstacksize(&attributes, 64 << 10) == 0);
  const std::size_t known[] = {100, 10'000, 100'000};
  for (const std::size_t size : known) std::free(process::opaque(std::malloc(size)));
  limit_to(more);
  pthread_t pool[most_threads];
  int made = 0;
  for (; made < threads; ++made) {
    auto* const seed = reinterpret_cast<void*>(more + static_cast<std::size_t>(made));
    if (pthread_create(&pool[made], &attributes, ask, seed) != 0) break;
  }
  (void)ask(reinterpret_cast<void*>(more + most_threads));
  while (made > 0) CHECK(pthread_join(pool[--made], nullptr) == 0);
  for (const std::size_t size : known) {
    void* const block = process::opaque(std::malloc(size));
    CHECK(block != nullptr || size > 100);
    std::free(block);
  }
  process::heap_must_be_valid();
  __atomic_add_fetch(&totals->runs, 1, __ATOMIC_RELAXED);
}

}  // namespace

int main() {
  process::must_be_ours();
  void* const shared =
      ::mmap(nullptr, sizeof(Totals), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(shared != MAP_FAILED);
  totals = static_cast<Totals*>(shared);
  const int steps = process::times(6);
  for (const int threads : {1, 4, most_threads}) {
    for (int step = 0; step < steps; ++step) {
      const std::size_t more = 96 * mib / static_cast<std::size_t>(steps) * static_cast<std::size_t>(step);
      process::in_child(60, [&] { live_within(more & ~std::size_t{4095}, threads); });
    }
  }
  process::figure(totals->runs, "runs under a limit to the address space");
  process::figure(totals->asked, "requests");
  process::figure(totals->refused, "of them refused, by NULL and ENOMEM");
  CHECK(totals->refused > 0 && totals->refused < totals->asked);  // or the limits were none, or nothing else
}
