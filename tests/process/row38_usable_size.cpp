// Row 38: what malloc_usable_size says may be used, all of it, for the life of the block; with _FORTIFY_SOURCE=3 as
// distributions compile.
// runs: preload global static
#undef _FORTIFY_SOURCE
#define _FORTIFY_SOURCE 3
#include <malloc.h>

#include "support/process.hpp"

namespace {

// How systemd and others grow an array: into what there is, before asking for more.
char* append(char* text, std::size_t& length, const char* more) {
  const std::size_t extra = std::strlen(more);
  if (malloc_usable_size(text) < length + extra + 1) {
    text = static_cast<char*>(std::realloc(text, 2 * (length + extra + 1)));
    CHECK(text != nullptr);
  }
  std::memcpy(text + length, more, extra + 1);
  length += extra;
  return text;
}

}  // namespace

int main() {
  process::must_be_ours();
  CHECK(malloc_usable_size(process::opaque<void*>(nullptr)) == 0);
  for (std::size_t size = 0; size < 5000; size = size * 3 / 2 + 1) {
    void* const p = process::opaque(std::malloc(size));
    void* const neighbour = std::malloc(size);
    const std::size_t usable = malloc_usable_size(p);
    CHECK(usable >= size);
    std::memset(p, 0xff, usable);
    std::free(neighbour);
    process::churn(size, 20, 1000);
    CHECK(malloc_usable_size(p) == usable);
    std::free(p);
  }
  std::size_t length = 0;
  char* text = nullptr;
  for (int i = 0; i < 1000; ++i) text = append(text, length, "some words ");
  CHECK(std::strlen(text) == 11000);
  std::free(text);
  process::heap_must_be_valid();
}
