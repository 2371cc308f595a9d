// The door for std::pmr containers.
//
// Compiled in the user's program, so it may throw, and needs the run-time type information that
// std::pmr::memory_resource needs.
#pragma once

#include <cstddef>
#include <memory_resource>
#include <new>

#include "../base/allocator.hpp"
#include "give_to.hpp"

namespace basalt {

// Gives the memory of an allocator to std::pmr containers. Two of them are equal when they stand before the same
// allocator: what one gave, the other takes.
template <Allocator Heap>
class MemoryResource final : public std::pmr::memory_resource {
 public:
  // Requires: `heap` outlives this.
  explicit MemoryResource(Heap& heap) noexcept : heap_{&heap} {}

  [[nodiscard]] Heap& heap() const noexcept { return *heap_; }

 private:
  // Errors: throws std::bad_alloc.
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    if (void* const p = heap_->allocate(bytes, alignment)) return p;
    throw std::bad_alloc{};
  }

  void do_deallocate(void* p, std::size_t bytes, std::size_t) override { door::give_to(*heap_, p, bytes); }

  [[nodiscard]] bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
    const auto* const same = dynamic_cast<const MemoryResource*>(&other);
    return same != nullptr && same->heap_ == heap_;
  }

  Heap* heap_;
};

}  // namespace basalt
