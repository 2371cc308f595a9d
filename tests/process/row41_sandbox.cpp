// Row 41: once loaded, we ask for no more than mmap, munmap, madvise, mprotect, mremap, futex, write and sched_yield. A
// sandbox that kills for everything else (getrandom, prctl, membarrier, rseq, sched_getaffinity, process_madvise, openat)
// finds nothing to kill for, in threads that were made before it. Where requests get guarded slots by default, one in ten does here.
// runs: preload global static
// engine runs: preload global static shipped
// hardened runs: preload global static shipped
#include <malloc.h>
#include <pthread.h>

#include <atomic>

#include "support/process.hpp"
#include "support/seccomp.hpp"

extern "C" int basalt_option_set(const char* name, const char* value) __attribute__((weak));
extern "C" size_t basalt_option_get(const char* name, char* buffer, size_t size) __attribute__((weak));

namespace {

constexpr int threads = 4;
constexpr std::size_t mib = 1 << 20;

std::atomic<int> begun{0};
std::atomic<bool> sandboxed{false};
std::atomic<int> done{0};

// Returns: false where there are no sandboxes. exit_group is this test's own, to end.
[[nodiscard]] bool enter_sandbox() {
  process::Filter filter;
  for (const long call : {SYS_mmap, SYS_munmap, SYS_madvise, SYS_mprotect, SYS_mremap, SYS_futex, SYS_write,
                          SYS_sched_yield, SYS_exit_group}) {
    filter.when(call, process::Filter::allows);
  }
  return filter.install(process::Filter::kills);
}

void all_sizes(std::uint64_t seed) {
  process::churn(seed, process::times(3000), 500);
  process::churn(seed, process::times(1000), 40'000);
  process::churn(seed, process::times(300), 2 * mib);
  process::churn(seed, process::times(30), 64 * mib);
  void* block = nullptr;
  for (std::size_t size = 16; size <= 64 * mib; size *= 2) {
    block = std::realloc(block, size);
    CHECK(block != nullptr);
  }
  std::free(block);
}

// Effects: waits until `counter` has come to the number of threads.
void wait_for_all(std::atomic<int>& counter) {
  for (int so_far = counter; so_far < threads; so_far = counter) counter.wait(so_far);
}

void count(std::atomic<int>& counter) {
  ++counter;
  counter.notify_all();
}

void* work(void* seed) {
  count(begun);
  sandboxed.wait(false);
  all_sizes(reinterpret_cast<std::uintptr_t>(seed));
  count(done);
  for (;;) sandboxed.wait(true);  // to end would be calls of libc's
}

void guard_more() {
  char value[32] = "off";
  if (basalt_option_get != nullptr) basalt_option_get("guard", value, sizeof value);
  if (std::strcmp(value, "off") != 0) CHECK(basalt_option_set("guard", "10:64") == 0);
}

void live_in_it() {
  guard_more();
  for (std::uintptr_t seed = 1; seed <= threads; ++seed) {
    pthread_t thread;
    CHECK(pthread_create(&thread, nullptr, work, reinterpret_cast<void*>(seed)) == 0);
  }
  wait_for_all(begun);  // libc begins a thread with calls of its own
  if (!enter_sandbox()) ::_exit(process::skipped);
  sandboxed = true;
  sandboxed.notify_all();
  all_sizes(41);
  wait_for_all(done);
  malloc_trim(0);
  process::heap_must_be_valid();
}

}  // namespace

int main() {
  process::must_be_ours();
  const process::Outcome inside = process::outcome_of(live_in_it);
  if (WIFEXITED(inside.status) && WEXITSTATUS(inside.status) == process::skipped) {
    process::skip("seccomp is not allowed");
  }
  std::fputs(inside.words, stderr);
  CHECK(process::succeeded(inside.status));
  const process::Outcome caught = process::outcome_of([] {
    if (enter_sandbox()) ::syscall(SYS_getrandom, nullptr, 0, 0);
  });
  CHECK(WIFSIGNALED(caught.status) &&
        WTERMSIG(caught.status) == SIGSYS);  // or the sandbox would prove nothing
  process::figure(threads + 1, "threads at most that lived in the sandbox");
}
