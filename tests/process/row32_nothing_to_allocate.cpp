// Row 32: malloc(0), realloc(p, 0) and realloc(NULL, 0) answer as glibc's do.
// runs: preload global static
#include "support/process.hpp"

int main() {
  process::must_be_ours();
  const volatile std::size_t nothing = 0;
  void* const a = std::malloc(nothing);
  void* const b = std::malloc(nothing);
  void* const c = std::calloc(nothing, 7);
  void* const d = std::realloc(process::opaque<void*>(nullptr), nothing);
  CHECK(a != nullptr && b != nullptr && c != nullptr && d != nullptr);
  CHECK(a != b && a != c && a != d && b != c && b != d && c != d);
  errno = 1234;
  CHECK(std::realloc(a, nothing) == nullptr);
  CHECK(errno == 1234);
  std::free(b);
  std::free(c);
  std::free(d);
  process::heap_must_be_valid();
}
