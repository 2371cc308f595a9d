// Heaps as objects: memory that is counted, limited and given back as one.
//
//   heap                a heap; everything in it ends with it
//   heap_resource       gives its memory to std::pmr containers
//   heap_allocator<T>   gives its memory to standard containers
//
// The engine's (libbasalt, not libbasalt-basic). All of it stands on the C functions basalt_heap_*: see basalt.h for what they
// promise. Compiled in the user's program, so it may throw.
#pragma once

#include <basalt/basalt.h>

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <new>
#include <type_traits>
#include <utility>

namespace basalt {

// Owns a heap. Any thread may allocate and free at any time; who destroys it sees to it that nobody does any more. One that
// was moved from has no heap; it may be destroyed and assigned to, and nothing else.
class heap {
 public:
  // Errors: throws std::bad_alloc when the heap cannot be made.
  heap() : heap{basalt_heap_options{}} {}

  // `limit`: the bytes that it may have mapped; 0: no limit of its own.
  explicit heap(const char* name, std::size_t limit = 0) : heap{{name, limit, nullptr, nullptr}} {}

  explicit heap(const basalt_heap_options& options) : handle_{basalt_heap_create(&options)} {
    if (handle_ == nullptr) throw std::bad_alloc{};
  }

  heap(heap&& other) noexcept : handle_{std::exchange(other.handle_, nullptr)} {}
  heap& operator=(heap&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  heap(const heap&) = delete;
  heap& operator=(const heap&) = delete;

  // Effects: gives all of the heap's memory back at once. Destructors of objects in it do not run.
  ~heap() { basalt_heap_destroy(handle_); }

  // Returns: a block, or nullptr when the heap is at its limit or there is no memory; then errno is ENOMEM.
  // Requires: alignment is a power of two.
  [[nodiscard]] void* allocate(std::size_t size, std::size_t alignment = alignof(std::max_align_t)) noexcept {
    return basalt_heap_aligned_alloc(handle_, alignment, size);
  }

  // Returns: the block with `size` bytes, perhaps elsewhere; on failure nullptr, and it is as it was. nullptr is a block of
  // no bytes; size 0 frees it.
  [[nodiscard]] void* reallocate(void* p, std::size_t size) noexcept {
    return basalt_heap_realloc(handle_, p, size);
  }

  // Requires: p is a block of this heap, or nullptr.
  void deallocate(void* p) noexcept { basalt_heap_free(handle_, p); }

  // Returns: whether p is a block of this heap.
  [[nodiscard]] bool owns(const void* p) const noexcept { return basalt_heap_of(p) == handle_; }

  // Effects: sets another limit in bytes; 0: none. What is above it already stays.
  void limit(std::size_t bytes) noexcept { basalt_heap_limit(handle_, bytes); }

  [[nodiscard]] basalt_heap_figures figures() const noexcept {
    basalt_heap_figures figures;
    basalt_heap_inspect(handle_, &figures);
    return figures;
  }

  // For the functions of basalt.h; the heap stays ours.
  [[nodiscard]] basalt_heap* handle() const noexcept { return handle_; }

 private:
  basalt_heap* handle_;
};

// Two of them are equal when they stand before the same heap: what one gave, the other takes.
class heap_resource final : public std::pmr::memory_resource {
 public:
  // Requires: `heap` outlives every container that uses this; it may be moved meanwhile.
  explicit heap_resource(const heap& heap) noexcept : handle_{heap.handle()} {}

 private:
  // Errors: throws std::bad_alloc.
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    if (void* const p = basalt_heap_aligned_alloc(handle_, alignment, bytes)) return p;
    throw std::bad_alloc{};
  }

  void do_deallocate(void* p, std::size_t, std::size_t) override { basalt_heap_free(handle_, p); }

  [[nodiscard]] bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
    const auto* const same = dynamic_cast<const heap_resource*>(&other);
    return same != nullptr && same->handle_ == handle_;
  }

  basalt_heap* handle_;
};

// A pointer in size; it goes where the elements go: on assignment and swap the container takes it over, so blocks always
// return to where they came from.
template <class T>
class heap_allocator {
 public:
  using value_type = T;
  using propagate_on_container_copy_assignment = std::true_type;
  using propagate_on_container_move_assignment = std::true_type;
  using propagate_on_container_swap = std::true_type;
  using is_always_equal = std::false_type;

  // Requires: `heap` outlives every container that uses this; it may be moved meanwhile.
  explicit heap_allocator(const heap& heap) noexcept : handle_{heap.handle()} {}
  template <class U>
  heap_allocator(const heap_allocator<U>& other) noexcept : handle_{other.handle()} {}

  // Errors: throws std::bad_array_new_length when `count` objects cannot exist, else std::bad_alloc.
  [[nodiscard]] T* allocate(std::size_t count) {
    if (count > max_size()) throw std::bad_array_new_length{};
    if (void* const p = basalt_heap_aligned_alloc(handle_, alignof(T), count * sizeof(T))) {
      return static_cast<T*>(p);
    }
    throw std::bad_alloc{};
  }

  void deallocate(T* p, std::size_t) noexcept { basalt_heap_free(handle_, p); }

  [[nodiscard]] std::size_t max_size() const noexcept {
    return static_cast<std::size_t>(PTRDIFF_MAX) / sizeof(T);
  }
  [[nodiscard]] basalt_heap* handle() const noexcept { return handle_; }

  template <class U>
  [[nodiscard]] bool operator==(const heap_allocator<U>& other) const noexcept {
    return handle_ == other.handle();
  }

 private:
  basalt_heap* handle_;
};

}  // namespace basalt
