// Row 55: under mlockall(MCL_FUTURE) every page is resident that is mapped and not forbidden. A small request must not
// bring in much more than was asked for, nor be refused where there may be no more than 64 MiB of such pages.
// runs: preload global static
#include <sys/mman.h>
#include <sys/resource.h>

#include "support/process.hpp"

namespace {

constexpr std::size_t mib = 1 << 20;

void allocate_when_locked() {
  if (::mlockall(MCL_CURRENT | MCL_FUTURE) != 0) process::skip("mlockall is not allowed");
  const long before = process::resident_kib();
  auto* const block = static_cast<unsigned char*>(std::malloc(mib));
  CHECK(block != nullptr);
  const long with = process::resident_kib();
  std::fprintf(stderr, "resident: %ld KiB before, %ld with 1 MiB\n", before, with);
  CHECK(with - before <= (1 + 4) * 1024);
  std::memset(block, 1, mib);
  std::free(block);
  process::churn(55, process::times(2000), mib);
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
  allocate_when_locked();
}

}  // namespace

int main() {
  process::must_be_ours();
  if (::geteuid() != 0) process::skip("the limit is tested as root, who becomes nobody");
  process::in_child(10, allocate_within_64_mib);
  allocate_when_locked();
}
