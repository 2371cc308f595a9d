// Row 44: where memory is promised only as far as there is some (overcommit_memory=2) what counts is what may be written:
// a limit to just that stands in for it, and is not met by what is merely reserved. And however a heap has been churned,
// with threads and purges, it lies in few mappings, for there may be no more than max_map_count of them.
// runs: preload global static
#include <malloc.h>
#include <sys/resource.h>

#include <algorithm>
#include <thread>

#include "support/process.hpp"

namespace {

constexpr std::size_t mib = 1 << 20;

// Of the 65,530 that Linux grants. The small kitchen returns every free page with its addresses: a purge leaves it in
// as many pieces as there are survivors with room between them.
[[nodiscard]] int most_mappings() { return std::strcmp(basalt_name(), "basalt") == 0 ? 500 : 4000; }

// Sizes of all kinds; survivors lie scattered, so that what goes back to the system goes in pieces.
[[nodiscard]] int churn(int rounds) {
  constexpr int slots = 4000;
  static unsigned char* held[slots];
  process::Random random{44};
  int most = 0;
  for (int round = 0; round < rounds; ++round) {
    for (int i = 0; i < slots / 2; ++i) {
      unsigned char*& slot = held[random.below(slots)];
      std::free(slot);
      const std::size_t size = std::size_t{16} << random.below(i % 64 == 0 ? 17 : 12);
      slot = static_cast<unsigned char*>(std::malloc(size));
      CHECK(slot != nullptr);
      slot[0] = slot[size - 1] = 1;
    }
    malloc_trim(0);
    most = std::max(most, process::mappings());
  }
  for (unsigned char*& slot : held) {
    std::free(slot);
    slot = nullptr;
  }
  return most;
}

// Of memory that may be written.
void with_no_more_than(std::size_t bytes) {
  const rlimit limit{bytes, bytes};
  CHECK(::setrlimit(RLIMIT_DATA, &limit) == 0);
  std::thread pool[4];
  for (int i = 0; i < 4; ++i)
    pool[i] = std::thread{[i] { process::churn(static_cast<std::uint64_t>(i), process::times(500), mib); }};
  for (std::thread& thread : pool) thread.join();
  auto* const half = static_cast<unsigned char*>(std::malloc(bytes / 2));
  CHECK(half != nullptr);
  std::memset(half, 1, bytes / 2);
  std::free(half);
  process::churn(5, process::times(100), bytes / 16);
  void* const too_much = process::opaque(std::malloc(bytes));
  CHECK(too_much == nullptr && errno == ENOMEM);  // or the limit is none
  process::heap_must_be_valid();
}

}  // namespace

int main() {
  process::must_be_ours();
  process::in_child(20, [] { with_no_more_than(256 * mib); });
  const int before = process::mappings();
  const int most = churn(process::times(8));
  process::figure(most - before, "mappings at most that a churned heap lies in");
  CHECK(most < most_mappings());
  process::heap_must_be_valid();
}
