// Row 31: free keeps errno, when memory goes back to the system and when the system refuses it as well.
// runs: preload global static
#include <malloc.h>

#include "support/process.hpp"
#include "support/seccomp.hpp"

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

// From now on the kernel refuses to take memory back.  Returns: whether it lets us wish so.
[[nodiscard]] bool refuse_to_take_memory() {
  process::Filter filter;
  filter.when(SYS_munmap, process::Filter::fails(ENOMEM)).when(SYS_madvise, process::Filter::fails(ENOMEM));
  return filter.install();
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
