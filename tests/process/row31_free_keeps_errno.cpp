// Row 31: free keeps errno, when memory goes back to the system and when the system refuses it as well.
// runs: preload global static
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cstddef>

#include "support/process.hpp"

namespace {

void every_size() {
  for (std::size_t size = 1; size <= (64u << 20); size *= 3) {
    void* const p = std::malloc(size);
    void* const q = std::malloc(size);
    CHECK(p != nullptr && q != nullptr);
    std::memset(p, 1, size < 4096 ? size : 4096);
    errno = 1234;
    std::free(p);
    CHECK(errno == 1234);
    std::free(q);
    CHECK(errno == 1234);
    std::free(nullptr);
    CHECK(errno == 1234);
  }
}

// From now on the kernel refuses to take memory back.
bool refuse_to_take_memory() {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_munmap, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOMEM),
  };
  const sock_fprog filter{sizeof program / sizeof program[0], program};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

}  // namespace

int main() {
  process::must_be_ours();
  every_size();
  malloc_trim(0);
  process::in_child(10, [] {
    if (!refuse_to_take_memory()) {
      std::printf("seccomp is not allowed here: half of this row is not run\n");
      return;
    }
    every_size();
    CHECK(malloc_trim(0) == 0);
    process::heap_must_be_valid();
  });
  process::heap_must_be_valid();
}
