// Row 42: kernels, emulators and sandboxes that know no huge pages, do not take pages back or cannot move a mapping, and
// say so in their own ways: memory keeps what is in it, calloc's is zero, and nothing crashes.
// runs: preload global static
#include <malloc.h>
#include <sys/mman.h>

#include "support/process.hpp"
#include "support/seccomp.hpp"

namespace {

constexpr std::size_t mib = 1 << 20;

[[nodiscard]] unsigned char mark_at(std::size_t i) {
  return static_cast<unsigned char>(i * 7 + i / 4096 + 1);
}

void keeps_what_is_in_it() {
  unsigned char* block = nullptr;
  std::size_t size = 0;
  for (const std::size_t wanted :
       {std::size_t{100}, std::size_t{50'000}, mib, 5 * mib, 20 * mib, 3 * mib, std::size_t{10}}) {
    block = static_cast<unsigned char*>(std::realloc(block, wanted));
    CHECK(block != nullptr);
    for (std::size_t i = 0; i < size && i < wanted; i += 61) CHECK(block[i] == mark_at(i));
    for (std::size_t i = 0; i < wanted; i += 61) block[i] = mark_at(i);
    size = wanted;
  }
  std::free(block);
}

void zero_after_use() {
  for (std::size_t size = 10; size <= 20 * mib; size *= 5) {
    void* const used = std::malloc(size);
    CHECK(used != nullptr);
    std::memset(used, 0xab, size);
    std::free(used);
    malloc_trim(0);
    auto* const block = static_cast<unsigned char*>(std::calloc(1, size));
    CHECK(block != nullptr);
    for (std::size_t i = 0; i < size; ++i) CHECK(block[i] == 0);
    std::free(block);
  }
}

void live_with(int error) {
  process::Filter filter;
  for (const int advice :
       {MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_DONTNEED, MADV_FREE, MADV_DONTDUMP, MADV_DONTFORK}) {
    filter.when_advised(advice, process::Filter::fails(error));
  }
  filter.when(SYS_mremap, process::Filter::fails(error));
  if (!filter.install()) ::_exit(process::skipped);
  CHECK(::madvise(nullptr, 4096, MADV_HUGEPAGE) == -1 && errno == error);
  keeps_what_is_in_it();
  zero_after_use();
  process::churn(42, process::times(1000), 4 * mib);
  process::heap_must_be_valid();
}

}  // namespace

int main() {
  process::must_be_ours();
  for (const int error : {EINVAL, EOPNOTSUPP, ENOSYS}) {
    const process::Outcome outcome = process::outcome_of([error] { live_with(error); });
    if (WIFEXITED(outcome.status) && WEXITSTATUS(outcome.status) == process::skipped) {
      process::skip("seccomp is not allowed");
    }
    std::fputs(outcome.words, stderr);
    CHECK(process::succeeded(outcome.status));
  }
}
