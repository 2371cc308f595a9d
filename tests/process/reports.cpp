// A misuse is told in a process that may hardly ask the kernel for anything: its sentence comes first, and needs nothing but write(2).
// What is below it needs more, and a process that is ended for that has said the sentence already.
// runs: none
// engine runs: preload global static
#include <fcntl.h>

#include "support/process.hpp"
#include "support/seccomp.hpp"

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
}
