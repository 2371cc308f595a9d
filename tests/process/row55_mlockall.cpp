// Row 55: under mlockall(MCL_FUTURE) every page is resident that is mapped and not forbidden. A small request must not
// bring in much more than was asked for, nor be refused where there may be no more than 64 MiB of such pages.
// runs: preload global static
// hardened runs: none (records are an eighth of the memory they tell of, and all of them are locked too)
#include <sys/mman.h>
#include <sys/resource.h>

#include "support/process.hpp"

namespace {

constexpr std::size_t mib = 1 << 20;
constexpr int most_blocks = 80;  // more than the heap reserves at once

void allocate_when_locked(int blocks) {
  if (::mlockall(MCL_CURRENT | MCL_FUTURE) != 0) process::skip("mlockall is not allowed");
  const long before = process::resident_kib();
  void* held[most_blocks];
  for (int i = 0; i < blocks; ++i) {
    held[i] = std::malloc(mib);
    CHECK(held[i] != nullptr);
    std::memset(held[i], 1, mib);
    CHECK(process::resident_kib() - before <= (i + 1 + 4) * 1024);
  }
  for (int i = 0; i < blocks; ++i) std::free(held[i]);
  process::churn(55, process::times(500), mib);
  process::heap_must_be_valid();
}

// Root may lock what it likes: the limit is for others. Where it cannot be raised that far a limit for all memory stands
// in, as all of it is locked.
void allocate_within_64_mib() {
  constexpr rlimit limit{64 * mib, 64 * mib};
  if (::setrlimit(RLIMIT_MEMLOCK, &limit) == 0) {
    CHECK(::setgid(65534) == 0 && ::setuid(65534) == 0);
    CHECK(::mlockall(MCL_CURRENT | MCL_FUTURE) == 0);
  } else {
    CHECK(::setrlimit(RLIMIT_AS, &limit) == 0);
  }
  allocate_when_locked(8);
}

}  // namespace

int main() {
  process::must_be_ours();
  if (::geteuid() != 0) process::skip("the limit is tested as root, who becomes nobody");
  process::in_child(10, allocate_within_64_mib);
  allocate_when_locked(most_blocks);
}
