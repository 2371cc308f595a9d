// Row 26: whatever any entry point gives, it is ours, and free takes it; no two heaps are mixed.
// runs: preload global static
#include <basalt/basalt.h>
#include <malloc.h>
#include <stdlib.h>
#include <wchar.h>

#include <csignal>

#include "support/process.hpp"

extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
void* __libc_valloc(size_t);
void* __libc_pvalloc(size_t);
void __libc_free(void*);
void cfree(void*) __attribute__((weak));
void free_sized(void*, size_t) __attribute__((weak));
void free_aligned_sized(void*, size_t, size_t) __attribute__((weak));
int basalt_owns(const void*) __attribute__((weak));
}

namespace {

void ours(void* p) {
  CHECK(p != nullptr && basalt_owns(p) == 1);
  CHECK(reinterpret_cast<std::uintptr_t>(p) % 16 == 0);
  CHECK(malloc_usable_size(p) >= 100);
  std::memset(p, 1, 100);
}

void ours_and_freed(void* p) {
  ours(p);
  std::free(p);
}

}  // namespace

int main() {
  process::must_be_ours();
  ours_and_freed(std::malloc(100));
  ours_and_freed(std::calloc(10, 10));
  ours_and_freed(std::realloc(nullptr, 100));
  ours_and_freed(std::realloc(std::malloc(1), 100));
  ours_and_freed(reallocarray(nullptr, 10, 10));
  ours_and_freed(memalign(64, 100));
  ours_and_freed(aligned_alloc(64, 128));
  void* aligned = nullptr;
  CHECK(posix_memalign(&aligned, 64, 100) == 0);
  ours_and_freed(aligned);
  ours_and_freed(valloc(100));
  ours_and_freed(pvalloc(100));
  ours_and_freed(__libc_malloc(100));
  ours_and_freed(__libc_calloc(10, 10));
  ours_and_freed(__libc_realloc(nullptr, 100));
  ours_and_freed(__libc_memalign(64, 100));
  ours_and_freed(__libc_valloc(100));
  ours_and_freed(__libc_pvalloc(100));

  void* p = std::malloc(100);
  ours(p);
  __libc_free(p);
  p = std::malloc(100);
  cfree(p);
  p = std::malloc(100);
  free_sized(p, 100);
  p = aligned_alloc(64, 100);
  free_aligned_sized(p, 64, 100);

  // What libc allocates for us comes from the same place.
  ours_and_freed(
      strdup("a hundred letters.a hundred letters.a hundred letters.a hundred letters.a hundred letters.ab"
             "a hundred letters"));
  char* printed = nullptr;
  CHECK(asprintf(&printed, "%0200d", 7) == 200);
  ours_and_freed(printed);
  char* line = nullptr;
  std::size_t room = 0;
  std::FILE* const file = std::fopen("/proc/self/maps", "re");
  CHECK(file != nullptr && getline(&line, &room, file) > 0);
  ours_and_freed(line);
  std::fclose(file);
  process::heap_must_be_valid();
}
