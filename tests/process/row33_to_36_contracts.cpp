// Rows 33 to 36 and 53 through the exported names: posix_memalign, aligned_alloc and memalign, huge alignments, sizes
// that no object can have, and 16-byte alignment of everything. The unit tests of the family go further; here it is
// seen that the names lead there.
// runs: preload global static
#include <malloc.h>
#include <stdlib.h>

#include "support/process.hpp"

namespace {

[[nodiscard]] bool aligned(const void* p, std::size_t to) {
  return reinterpret_cast<std::uintptr_t>(p) % to == 0;
}

void row33() {
  int place = 0;
  void* out = &place;
  const volatile std::size_t three = 3;
  const volatile std::size_t four = 4;
  errno = 1234;
  CHECK(posix_memalign(&out, three, 8) == EINVAL);
  CHECK(posix_memalign(&out, four, 8) == EINVAL);
  CHECK(posix_memalign(&out, 0, 8) == EINVAL);
  CHECK(posix_memalign(&out, 64, process::opaque(SIZE_MAX)) == ENOMEM);
  CHECK(out == &place && errno == 1234);
  CHECK(posix_memalign(&out, 8, 0) == 0 && out != nullptr && errno == 1234);
  std::free(out);
}

void row34() {
  for (const std::size_t alignment : {1u, 2u, 4u, 8u, 16u, 64u}) {
    void* const p = aligned_alloc(process::opaque(alignment), process::opaque<std::size_t>(37));
    CHECK(p != nullptr && aligned(p, 16) && aligned(p, alignment));
    std::free(p);
  }
  errno = 0;
  CHECK(aligned_alloc(process::opaque<std::size_t>(48), 96) == nullptr && errno == EINVAL);
  void* const p = memalign(process::opaque<std::size_t>(48), 96);
  CHECK(p != nullptr && aligned(p, 64));
  std::free(p);
}

void row35() {
  for (std::size_t alignment = 16; alignment <= (1u << 30); alignment *= 4) {
    for (const std::size_t size : {std::size_t{1}, alignment - 1, alignment}) {
      auto* p = static_cast<char*>(memalign(alignment, size));
      CHECK(p != nullptr && aligned(p, alignment));
      p[0] = p[size - 1] = 5;
      if (alignment <= (1u << 24)) {
        p = static_cast<char*>(std::realloc(p, 2 * size));
        CHECK(p != nullptr && p[0] == 5 && p[size - 1] == 5);
      }
      std::free(p);
    }
  }
  // More than is promised: refused, or given as asked.
  for (std::size_t alignment = std::size_t{1} << 31; alignment <= (std::size_t{1} << 32); alignment *= 2) {
    errno = 0;
    void* const p = memalign(alignment, 1);
    CHECK(p == nullptr ? errno == ENOMEM : aligned(p, alignment));
    std::free(p);
  }
}

template <class Call>
void refused(Call&& call) {
  errno = 0;
  CHECK(process::opaque(call()) == nullptr && errno == ENOMEM);
}

void row36() {
  void* const kept = std::malloc(10);
  for (const std::size_t size :
       {SIZE_MAX, SIZE_MAX / 2, SIZE_MAX / 2 + 1, SIZE_MAX - 4096, SIZE_MAX / 2 - 15}) {
    const std::size_t huge = process::opaque(size);
    refused([=] { return std::malloc(huge); });
    refused([=] { return std::calloc(huge, 1); });
    refused([=] { return std::calloc(huge, 3); });
    refused([=] { return std::realloc(process::opaque(kept), huge); });
    refused([=] { return reallocarray(process::opaque(kept), huge, 2); });
    refused([=] { return reallocarray(nullptr, huge, 16); });
    refused([=] { return memalign(64, huge); });
    refused([=] { return aligned_alloc(64, huge); });
    refused([=] { return valloc(huge); });
    refused([=] { return pvalloc(huge); });
  }
  std::free(kept);
}

void row53() {
  void* blocks[600];
  for (std::size_t size = 0; size < 600; ++size) {
    blocks[size] = std::malloc(size);
    CHECK(blocks[size] != nullptr && aligned(blocks[size], 16));
  }
  for (std::size_t size = 0; size < 600; ++size) {
    blocks[size] = std::realloc(blocks[size], size * 2 + 1);
    CHECK(aligned(blocks[size], 16));
  }
  for (void* block : blocks) std::free(block);
}

}  // namespace

int main() {
  process::must_be_ours();
  row33();
  row34();
  row35();
  row36();
  row53();
  process::heap_must_be_valid();
}
