// The door for standard containers: an allocator as [allocator.requirements] wants it.
//
// Compiled in the user's program, so it may throw.
#pragma once

#include <cstddef>
#include <new>
#include <type_traits>

#include "../base/allocator.hpp"
#include "../base/bits.hpp"
#include "give_to.hpp"

namespace basalt {

// Gives the memory of an allocator to containers of `T`. It is a pointer in size, and it goes where the elements
// go: on assignment and swap the container takes the allocator over, so blocks always return to where they came
// from. Two of them are equal when they stand before the same allocator.
template <class T, Allocator Heap>
class StdAllocator {
 public:
  using value_type = T;
  using propagate_on_container_copy_assignment = std::true_type;
  using propagate_on_container_move_assignment = std::true_type;
  using propagate_on_container_swap = std::true_type;
  using is_always_equal = std::false_type;

  // Requires: `heap` outlives this and every container that uses it.
  explicit StdAllocator(Heap& heap) noexcept : heap_{&heap} {}
  template <class U>
  StdAllocator(const StdAllocator<U, Heap>& other) noexcept : heap_{&other.heap()} {}

  // Errors: throws std::bad_array_new_length when `count` objects cannot exist, else std::bad_alloc.
  [[nodiscard]] T* allocate(std::size_t count) {
    const std::size_t bytes = multiply_saturating(count, sizeof(T));
    if (bytes > max_request) throw std::bad_array_new_length{};
    if (void* const p = heap_->allocate(bytes, alignof(T))) return static_cast<T*>(p);
    throw std::bad_alloc{};
  }

  void deallocate(T* p, std::size_t count) noexcept { door::give_to(*heap_, p, count * sizeof(T)); }

  [[nodiscard]] std::size_t max_size() const noexcept { return max_request / sizeof(T); }
  [[nodiscard]] Heap& heap() const noexcept { return *heap_; }

  template <class U>
  [[nodiscard]] bool operator==(const StdAllocator<U, Heap>& other) const noexcept {
    return heap_ == &other.heap();
  }

 private:
  Heap* heap_;
};

}  // namespace basalt
