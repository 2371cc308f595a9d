// The sampled heap profile in a whole process: threads that end, forks, frees elsewhere, what the system refuses.
//
// With an argument it writes a profile of what it has allocated there, for profile_test.py, which reads it back.
//
// runs: none
// engine runs: global static
// hardened runs: none (it has no profile)
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>

#include <atomic>

#include <basalt/basalt.h>

#include "support/process.hpp"

namespace {

using process::opaque;

constexpr std::size_t period = 4096;
constexpr int kept_blocks = 20'000;
constexpr std::size_t kept_size = 100;
constexpr int churned_blocks = 100'000;
constexpr std::size_t churned_size = 64;
constexpr std::size_t large_size = 3 << 20;

void* kept[kept_blocks];

basalt_profile_figures figures() {
  basalt_profile_figures now;
  basalt_profile_inspect(&now);
  return now;
}

template <class Body>
void in_thread(Body body) {
  pthread_t thread;
  const auto run = [](void* context) -> void* {
    (*static_cast<Body*>(context))();
    return nullptr;
  };
  CHECK(pthread_create(&thread, nullptr, run, &body) == 0);
  CHECK(pthread_join(thread, nullptr) == 0);
}

}  // namespace

// Their names are looked for in the profile.
extern "C" {

[[gnu::noinline]] void profiled_keep() {
  for (void*& block : kept) block = opaque(std::malloc(kept_size));
}

[[gnu::noinline]] void profiled_churn() {
  for (int i = 0; i < churned_blocks; ++i) std::free(opaque(std::malloc(churned_size)));
}

[[gnu::noinline]] void* profiled_large() { return opaque(std::calloc(1, large_size)); }
}

namespace {

void free_kept() {
  for (void*& block : kept) std::free(block);
}

void threads_end_and_others_free() {
  const std::size_t before = figures().live;
  in_thread([] { profiled_keep(); });
  const std::size_t live = figures().live - before;
  CHECK(live > 373 && live < 593);  // 483 are expected, and five deviations are 110
  in_thread([] { free_kept(); });
  CHECK(figures().live <= before + 2);  // libc may keep what it has for a thread
}

void a_thread_that_churns_is_sampled() {
  const std::size_t before = figures().sampled;
  in_thread([] { profiled_churn(); });
  const std::size_t sampled = figures().sampled - before;
  CHECK(sampled > 1350 && sampled < 1750);  // 1550 are expected, and five deviations are 197
}

void a_child_goes_on() {
  profiled_keep();
  const std::size_t live = figures().live;
  const process::Outcome outcome = process::outcome_of([live] {
    CHECK(figures().live == live);
    free_kept();
    CHECK(figures().live < live);
    profiled_churn();
    CHECK(basalt_profile_write("/dev/null") == 0);
    process::heap_must_be_valid();
  });
  CHECK(outcome.status == 0);
  CHECK(figures().live == live);
  free_kept();
}

void threads_and_forks_at_once() {
  std::atomic<bool> stop{false};
  pthread_t threads[2];
  const auto churn = [](void* flag) -> void* {
    while (!static_cast<std::atomic<bool>*>(flag)->load(std::memory_order_relaxed)) profiled_churn();
    return nullptr;
  };
  for (pthread_t& thread : threads) CHECK(pthread_create(&thread, nullptr, churn, &stop) == 0);
  for (int i = 0; i < 20; ++i) {
    CHECK(basalt_profile_write("/dev/null") == 0);
    const process::Outcome outcome = process::outcome_of([] { profiled_churn(); });
    CHECK(outcome.status == 0);
    basalt_profile_stop();
    CHECK(basalt_profile_start(period) == 0);
  }
  stop.store(true, std::memory_order_relaxed);
  for (const pthread_t thread : threads) CHECK(pthread_join(thread, nullptr) == 0);
}

void what_the_system_refuses_is_said() {
  errno = 0;
  CHECK(basalt_profile_write("/there/is/no/such/directory") == ENOENT);
  CHECK(basalt_profile_write(nullptr) == EINVAL);
  CHECK(basalt_profile_write("/dev/full") == ENOSPC);
  CHECK(basalt_profile_write_fd(-1) == EBADF);
  CHECK(errno == 0);
}

int write_known(const char* path) {
  CHECK(basalt_profile_start(period) == 0);
  profiled_keep();
  profiled_churn();
  void* const large = profiled_large();
  basalt_profile_stop();
  CHECK(basalt_profile_write(path) == 0);
  std::free(large);
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  process::must_be_ours();
  if (count > 1) return write_known(arguments[1]);
  CHECK(basalt_profile_write("/dev/null") == 0);  // before there is anything to tell
  CHECK(figures().period == 0 && figures().table_bytes == 0);
  CHECK(basalt_profile_start(period) == 0);
  CHECK(figures().period == period && figures().table_bytes != 0);
  threads_end_and_others_free();
  a_thread_that_churns_is_sampled();
  a_child_goes_on();
  threads_and_forks_at_once();
  what_the_system_refuses_is_said();
  basalt_profile_stop();
  CHECK(figures().lost == 0);
  process::heap_must_be_valid();
}
