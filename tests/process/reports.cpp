// A misuse is told in a process that may hardly ask the kernel for anything: its sentence comes first, and needs nothing but write(2).
// What is below it needs more, and a process that is ended for that has said the sentence already. A child has its own say, whatever
// its parent was about to.
// runs: none
// engine runs: preload global static
#include <basalt/basalt.h>

#include <fcntl.h>
#include <pthread.h>

#include <atomic>

#include "support/process.hpp"
#include "support/seccomp.hpp"

extern "C" decltype(basalt_set_error_handler) basalt_set_error_handler
    __attribute__((weak));  // it may be preloaded

namespace {

constexpr const char* sentence = "basalt: double free: 0x";

// Returns: how a process ends that may write, allocate and end, with any other call answered so.
process::Outcome told_under(std::uint32_t answer) {
  return process::outcome_of([answer] {
    void* const block = process::opaque(std::malloc(64));
    std::free(block);
    process::Filter filter;
    for (const long call : {SYS_write, SYS_mmap, SYS_munmap, SYS_madvise, SYS_mprotect, SYS_mremap, SYS_futex,
                            SYS_exit_group, SYS_tgkill, SYS_rt_sigreturn})
      filter.when(call, process::Filter::allows);
    if (!filter.install(answer)) ::_exit(77);
    std::free(block);
  });
}

bool not_here(const process::Outcome& outcome) {
  return WIFEXITED(outcome.status) && WEXITSTATUS(outcome.status) == 77;
}

std::atomic<bool> told{false};

void free_twice() {
  void* const block = process::opaque(std::malloc(64));
  std::free(block);
  std::free(block);
}

void never_come_back(const char*) {
  told = true;
  for (;;) ::pause();
}

// Returns: how a child ends that frees a block twice, forked while another thread of its parent's is at its report for good.
process::Outcome told_by_child_of_a_dying_one() {
  basalt_set_error_handler(never_come_back);
  pthread_t other;
  CHECK(pthread_create(
            &other, nullptr, [](void*) -> void* { return free_twice(), nullptr; }, nullptr) == 0);
  while (!told) ::usleep(100);
  return process::outcome_of([] {
    basalt_set_error_handler(nullptr);
    free_twice();
  });
}

}  // namespace

int main() {
  const process::Outcome refused = told_under(process::Filter::fails(EPERM));
  if (not_here(refused)) return 77;
  CHECK(std::strncmp(refused.words, sentence, std::strlen(sentence)) == 0);
  CHECK(refused.says("\n  block: slot ") && refused.says("\n  noticed at once in thread ") &&
        refused.says("\n  next: "));

  const process::Outcome ended = told_under(process::Filter::kills);
  CHECK(std::strncmp(ended.words, sentence, std::strlen(sentence)) == 0);
  CHECK(ended.says("\n  block: slot ") && !ended.says("\n  next: "));
  CHECK(WIFSIGNALED(ended.status) && WTERMSIG(ended.status) == SIGSYS);

  const process::Outcome child = told_by_child_of_a_dying_one();
  CHECK(child.aborted() && child.says(sentence));
}
