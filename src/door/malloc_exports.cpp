// The names under which programs and libc know the malloc family.
#include <malloc.h>
#include <stdlib.h>

#include "../base/compiler.hpp"
#include "../platform/start.hpp"
#include "kitchen.hpp"
#include "malloc_family.hpp"

namespace {

using basalt::door::ThisThread;
using Family = basalt::door::MallocFamily<basalt::door::kitchen>;

}  // namespace

extern "C" {

// The short paths come first: over the engine, with the functions of src/engine/short_path.hpp, this is all that usually
// happens. Over other kitchens they have nothing to give, and the call goes on at once.
BASALT_DOOR void* malloc(size_t size) noexcept {
  void* slot = nullptr;
  return ThisThread::heap()->allocate(size, slot) ? slot : Family::malloc(size);
}
BASALT_DOOR void free(void* p) noexcept {
  if (!ThisThread::heap()->free(p)) [[unlikely]]
    Family::free(p);
}
BASALT_DOOR void free_sized(void* p, size_t size) noexcept {
  if (!ThisThread::heap()->free(p, size)) [[unlikely]]
    Family::free_sized(p, size);
}

BASALT_DOOR void* calloc(size_t count, size_t size) noexcept { return Family::calloc(count, size); }
BASALT_DOOR void* realloc(void* p, size_t size) noexcept { return Family::realloc(p, size); }
BASALT_DOOR void* reallocarray(void* p, size_t count, size_t size) noexcept {
  return Family::reallocarray(p, count, size);
}

BASALT_DOOR void* memalign(size_t alignment, size_t size) noexcept {
  return Family::memalign(alignment, size);
}
BASALT_DOOR void* aligned_alloc(size_t alignment, size_t size) noexcept {
  return Family::aligned_alloc(alignment, size);
}
BASALT_DOOR int posix_memalign(void** out, size_t alignment, size_t size) noexcept {
  return Family::posix_memalign(out, alignment, size);
}
BASALT_DOOR void* valloc(size_t size) noexcept { return Family::valloc(size); }
BASALT_DOOR void* pvalloc(size_t size) noexcept { return Family::pvalloc(size); }

BASALT_DOOR void cfree(void* p) noexcept { Family::free(p); }
BASALT_DOOR void free_aligned_sized(void* p, size_t, size_t size) noexcept { Family::free_sized(p, size); }
BASALT_DOOR size_t malloc_usable_size(void* p) noexcept { return Family::usable_size(p); }

// The names by which parts of libc, and programs that replace malloc themselves, reach past the public ones:
// those that glibc has, and no others.
#if defined(__GLIBC__)
BASALT_DOOR void* __libc_malloc(size_t size) noexcept { return Family::malloc(size); }
BASALT_DOOR void __libc_free(void* p) noexcept { Family::free(p); }
BASALT_DOOR void* __libc_calloc(size_t count, size_t size) noexcept { return Family::calloc(count, size); }
BASALT_DOOR void* __libc_realloc(void* p, size_t size) noexcept { return Family::realloc(p, size); }
BASALT_DOOR void* __libc_memalign(size_t alignment, size_t size) noexcept {
  return Family::memalign(alignment, size);
}
BASALT_DOOR void* __libc_valloc(size_t size) noexcept { return Family::valloc(size); }
BASALT_DOOR void* __libc_pvalloc(size_t size) noexcept { return Family::pvalloc(size); }
BASALT_DOOR void* __libc_reallocarray(void* p, size_t count, size_t size) noexcept {
  return Family::reallocarray(p, count, size);
}

#endif

}  // extern "C"

#if !defined(BASALT_PRELOADED)

// In a program that contains us, indirect functions are resolved before this runs and every constructor, those of
// shared libraries included, comes after it.
namespace {
void before_all_constructors() noexcept { basalt::note_libc_up(); }
}  // namespace
[[gnu::section(".preinit_array"), gnu::used]] static void (*const at_preinit)() = before_all_constructors;

#endif
