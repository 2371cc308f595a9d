// Row 8: in a child of a process that had threads nothing is missing that would give memory back: no thread that was not
// forked along. Nor is one ever made, not by the first allocation, nor by a large heap that is freed.
// runs: preload global static
#include <dirent.h>
#include <malloc.h>

#include <thread>
#include <utility>

#include "support/process.hpp"

namespace {

constexpr std::size_t mib = 1 << 20;
constexpr std::size_t sizes[] = {100, 5'000, 100'000, mib};

struct Link {
  Link* next;
};

[[nodiscard]] int threads() {
  DIR* const tasks = ::opendir("/proc/self/task");
  CHECK(tasks != nullptr);
  int count = -2;  // "." and ".."
  while (::readdir(tasks) != nullptr) ++count;
  ::closedir(tasks);
  return count;
}

void fill_and_free(std::size_t bytes) {
  Link* chain = nullptr;
  for (const std::size_t size : sizes) {
    for (std::size_t taken = 0; taken < bytes / 4; taken += size) {
      auto* const block = static_cast<Link*>(std::malloc(size));
      CHECK(block != nullptr);
      std::memset(static_cast<void*>(block), 1, size);
      block->next = chain;
      chain = block;
    }
  }
  CHECK(process::resident_kib() >= static_cast<long>(bytes / 1024));
  while (chain != nullptr) std::free(std::exchange(chain, chain->next));
}

void child(std::size_t bytes) {
  const long before = process::resident_kib();
  fill_and_free(bytes);
  std::fprintf(stderr, "resident: %ld MiB before, %ld when all is freed\n", before / 1024,
               process::resident_kib() / 1024);
  malloc_trim(0);
  std::fprintf(stderr, "after malloc_trim: %ld MiB\n", process::resident_kib() / 1024);
  CHECK(process::resident_kib() <= before + 16 * 1024);
  CHECK(threads() == 1);
  process::heap_must_be_valid();
}

}  // namespace

int main() {
  process::must_be_ours();
  CHECK(threads() == 1);
  std::thread pool[4];
  for (int i = 0; i < 4; ++i)
    pool[i] = std::thread{[i] { process::churn(static_cast<std::uint64_t>(i), 200, mib); }};
  const std::size_t bytes = std::getenv("BASALT_SCALE") == nullptr ? 256 * mib : 1024 * mib;
  process::in_child(20, [bytes] { child(bytes); });
  for (std::thread& thread : pool) thread.join();
  fill_and_free(16 * mib);
  // A joined thread may still be on its way out.
  for (int looks = 0; threads() != 1; ++looks) {
    CHECK(looks < 1000);
    ::usleep(1000);
  }
}
