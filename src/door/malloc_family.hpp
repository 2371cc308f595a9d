// The manners of the malloc family, for any allocator.
//
// Sources: C17 7.22.3, C23 7.24.3 (free_sized), POSIX.1-2017 malloc() and posix_memalign(), and glibc's
// malloc(3) where those leave a choice: realloc(p, 0) frees, malloc(0) gives a block of its own.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "../base/allocator.hpp"
#include "../base/bits.hpp"
#include "../base/origin.hpp"
#include "../platform/bytes.hpp"
#include "../platform/raw_os.hpp"
#include "../platform/start.hpp"
#include "first_use.hpp"
#include "foreign.hpp"

namespace basalt::door {

// `heap` is an object of static storage, so that every door knows its address at compile time.
//
// Every function that returns a pointer returns nullptr with errno ENOMEM when memory cannot be had. None of
// those that free touches errno.
template <auto& heap>
struct MallocFamily {
  using Heap = std::remove_reference_t<decltype(heap)>;
  static constexpr std::size_t natural = 16;  // the alignment of every result

  // This one and those that free are kept apart, so that a short path that precedes them can end in a tail call.
  [[nodiscard, gnu::noinline]] static void* malloc(std::size_t size) noexcept {
    return allocate(size, natural);
  }

  [[gnu::noinline]] static void free(void* p, Origin origin = Origin::malloc) noexcept {
    if (p != nullptr && !give_back(p, origin)) handle_foreign(p, "free");
  }

  // Where the heap can tell, a size that is not the block's ends the program, as C23 and C++ allow: it is freed
  // as something that it is not.
  [[gnu::noinline]] static void free_sized(void* p, std::size_t size,
                                           Origin origin = Origin::malloc) noexcept {
    if constexpr (ChecksSizes<Heap>) {
      if (p != nullptr && !give_back(p, size, origin)) handle_foreign(p, "free_sized");
    } else {
      free(p, origin);
    }
  }

  [[nodiscard]] static void* calloc(std::size_t count, std::size_t size) noexcept {
    const std::size_t bytes = multiply_saturating(count, size);
    if constexpr (AllocatesZeroed<Heap>) {
      void* const p = heap.allocate_zeroed(bytes);
      return p == nullptr ? refuse(ENOMEM) : p;
    } else {
      void* const p = allocate(bytes, natural);
      if (p != nullptr) clear_bytes(p, bytes);
      return p;
    }
  }

  [[nodiscard]] static void* realloc(void* p, std::size_t size) noexcept {
    if (p == nullptr) return malloc(size);
    if (size == 0) {
      free(p);
      return nullptr;
    }
    if (!heap.owns(p)) {
      handle_foreign(p, "realloc");
      return refuse(ENOMEM);
    }
    void* const resized = heap.reallocate(p, size);
    return resized == nullptr ? refuse(ENOMEM) : resized;
  }

  [[nodiscard]] static void* reallocarray(void* p, std::size_t count, std::size_t size) noexcept {
    const std::size_t bytes = multiply_saturating(count, size);
    return bytes == SIZE_MAX ? refuse(ENOMEM) : realloc(p, bytes);
  }

  // An alignment that is no power of two is rounded up to one, as glibc does.
  [[nodiscard]] static void* memalign(std::size_t alignment, std::size_t size) noexcept {
    if (alignment > SIZE_MAX / 2 + 1) return refuse(EINVAL);
    std::size_t rounded = natural;
    while (rounded < alignment) rounded *= 2;
    return allocate(size, rounded);
  }

  // Errors: EINVAL for an alignment that is no power of two.
  [[nodiscard]] static void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
    return is_power_of_two(alignment) ? allocate(size, alignment) : refuse(EINVAL);
  }

  // Returns: 0, or EINVAL or ENOMEM, and then `*out` is as it was. Never changes errno.
  [[nodiscard]] static int posix_memalign(void** out, std::size_t alignment, std::size_t size) noexcept {
    if (!is_power_of_two(alignment) || alignment % sizeof(void*) != 0) return EINVAL;
    void* const p = try_allocate(size, alignment);
    if (p == nullptr) return ENOMEM;
    *out = p;
    return 0;
  }

  [[nodiscard]] static void* valloc(std::size_t size) noexcept { return allocate(size, RawOs::page_size()); }

  [[nodiscard]] static void* pvalloc(std::size_t size) noexcept {
    return allocate(align_up(size == 0 ? 1 : size, RawOs::page_size()), RawOs::page_size());
  }

  [[nodiscard]] static std::size_t usable_size(const void* p) noexcept {
    return p != nullptr && heap.owns(p) ? heap.usable_size(p) : 0;
  }

  // Returns: memory as `malloc` does, but leaves errno alone: for operator new.
  [[nodiscard]] static void* try_allocate(std::size_t size, std::size_t alignment,
                                          Origin origin = Origin::malloc) noexcept {
    if constexpr (!PreparesItself<Heap>) enter();
    if constexpr (KnowsOrigins<Heap>) {
      return heap.allocate(size, alignment, origin);
    } else {
      return heap.allocate(size, alignment);
    }
  }

 private:
  // Returns: whether the block was ours. A size goes before the origin.
  template <class... Size>
  [[nodiscard]] static bool give_back(void* p, Size... size_and_origin) noexcept {
    if constexpr (KnowsOrigins<Heap>) {
      return heap.deallocate(p, size_and_origin...);
    } else {
      return give_back_plainly(p, size_and_origin...);
    }
  }
  [[nodiscard]] static bool give_back_plainly(void* p, Origin) noexcept { return heap.deallocate(p); }
  [[nodiscard]] static bool give_back_plainly(void* p, std::size_t size, Origin) noexcept {
    return heap.deallocate(p, size);
  }

  [[nodiscard]] static void* allocate(std::size_t size, std::size_t alignment) noexcept {
    void* const p = try_allocate(size, alignment);
    return p == nullptr ? refuse(ENOMEM) : p;
  }

  // Kept apart, so that a call that is served has nothing to save for it.
  [[nodiscard, gnu::noinline, gnu::cold]] static void* refuse(int reason) noexcept {
    if (libc_up()) errno = reason;  // before that there is no errno
    return nullptr;
  }
};

}  // namespace basalt::door
