// All forms of operator new and operator delete.
//
// Source: C++20 [new.delete]. The library does not depend on a C++ runtime, so what belongs to one is
// referred to weakly: where there is one (every program that can catch an exception has one), it is used.
#include <new>

#include "../base/compiler.hpp"
#include "../platform/fatal.hpp"
#include "kitchen.hpp"
#include "malloc_family.hpp"

// This is the one file of the library that is compiled with exceptions, for the one handler below that
// catches: the names that the compiler uses for it are weak too. Where they are missing, nobody can throw.
__asm__(
    ".weak __gxx_personality_v0\n.weak __cxa_begin_catch\n.weak __cxa_end_catch\n.weak _Unwind_Resume\n"
    ".weak _ZSt9terminatev");

namespace std {

[[gnu::weak]] new_handler get_new_handler() noexcept;
__attribute__((noreturn, weak)) void __throw_bad_alloc();

}  // namespace std

namespace {

using basalt::Origin;
using basalt::door::ThisThread;
using Family = basalt::door::MallocFamily<basalt::door::kitchen>;

constexpr std::size_t natural = Family::natural;

[[nodiscard]] std::new_handler current_handler() noexcept {
  return std::get_new_handler == nullptr ? nullptr : std::get_new_handler();
}

// Effects: asks the handler for help as long as there is one, and tries again.
// Returns: nullptr when no handler is left.  Throws: what the handler throws.
[[nodiscard, gnu::cold]] void* try_with_handler(std::size_t size, std::size_t alignment, Origin origin) {
  while (const std::new_handler handler = current_handler()) {
    handler();
    if (void* const p = Family::try_allocate(size, alignment, origin)) return p;
  }
  return nullptr;
}

[[noreturn, gnu::cold]] void throw_bad_alloc(std::size_t size) {
  if (std::__throw_bad_alloc != nullptr) std::__throw_bad_alloc();
  basalt::fatal(basalt::Text{} << "basalt: operator new cannot have " << size
                               << " bytes, and there is no C++ runtime to throw std::bad_alloc");
}

[[nodiscard, gnu::noinline]] void* allocate_or_throw(std::size_t size, std::size_t alignment, Origin origin) {
  if (void* const p = Family::try_allocate(size, alignment, origin)) [[likely]]
    return p;
  if (void* const p = try_with_handler(size, alignment, origin)) return p;
  throw_bad_alloc(size);
}

// A handler may throw; then a form that promises not to has to catch.
[[nodiscard]] void* allocate_or_null(std::size_t size, std::size_t alignment, Origin origin) noexcept {
  if (void* const p = Family::try_allocate(size, alignment, origin)) [[likely]]
    return p;
  try {
    return try_with_handler(size, alignment, origin);
  } catch (...) {
    return nullptr;
  }
}

[[nodiscard]] std::size_t wide(std::align_val_t alignment) noexcept {
  return static_cast<std::size_t>(alignment);
}

// The short paths, as in malloc and free.
[[nodiscard, gnu::always_inline]] inline void* take(std::size_t size, Origin origin) {
  void* slot = nullptr;
  return ThisThread::heap()->allocate(size, slot) ? slot : allocate_or_throw(size, natural, origin);
}

[[gnu::always_inline]] inline void give_back(void* p, Origin origin) noexcept {
  if (!ThisThread::heap()->free(p)) [[unlikely]]
    Family::free(p, origin);
}

[[gnu::always_inline]] inline void give_back(void* p, std::size_t size, Origin origin) noexcept {
  if (!ThisThread::heap()->free(p, size)) [[unlikely]]
    Family::free_sized(p, size, origin);
}

}  // namespace

BASALT_DOOR void* operator new(std::size_t size) { return take(size, Origin::new_object); }
BASALT_DOOR void* operator new[](std::size_t size) { return take(size, Origin::new_array); }
BASALT_DOOR void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate_or_throw(size, wide(alignment), Origin::new_aligned);
}
BASALT_DOOR void* operator new[](std::size_t size, std::align_val_t alignment) {
  return allocate_or_throw(size, wide(alignment), Origin::array_aligned);
}

BASALT_DOOR void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return allocate_or_null(size, natural, Origin::new_object);
}
BASALT_DOOR void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return allocate_or_null(size, natural, Origin::new_array);
}
BASALT_DOOR void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return allocate_or_null(size, wide(alignment), Origin::new_aligned);
}
BASALT_DOOR void* operator new[](std::size_t size, std::align_val_t alignment,
                                 const std::nothrow_t&) noexcept {
  return allocate_or_null(size, wide(alignment), Origin::array_aligned);
}

BASALT_DOOR void operator delete(void* p) noexcept { give_back(p, Origin::new_object); }
BASALT_DOOR void operator delete[](void* p) noexcept { give_back(p, Origin::new_array); }
BASALT_DOOR void operator delete(void* p, std::size_t size) noexcept {
  give_back(p, size, Origin::new_object);
}
BASALT_DOOR void operator delete[](void* p, std::size_t size) noexcept {
  give_back(p, size, Origin::new_array);
}
BASALT_DOOR void operator delete(void* p, std::align_val_t) noexcept { give_back(p, Origin::new_aligned); }
BASALT_DOOR void operator delete[](void* p, std::align_val_t) noexcept {
  give_back(p, Origin::array_aligned);
}
BASALT_DOOR void operator delete(void* p, std::size_t size, std::align_val_t) noexcept {
  give_back(p, size, Origin::new_aligned);
}
BASALT_DOOR void operator delete[](void* p, std::size_t size, std::align_val_t) noexcept {
  give_back(p, size, Origin::array_aligned);
}
BASALT_DOOR void operator delete(void* p, const std::nothrow_t&) noexcept {
  give_back(p, Origin::new_object);
}
BASALT_DOOR void operator delete[](void* p, const std::nothrow_t&) noexcept {
  give_back(p, Origin::new_array);
}
BASALT_DOOR void operator delete(void* p, std::align_val_t, const std::nothrow_t&) noexcept {
  give_back(p, Origin::new_aligned);
}
BASALT_DOOR void operator delete[](void* p, std::align_val_t, const std::nothrow_t&) noexcept {
  give_back(p, Origin::array_aligned);
}
