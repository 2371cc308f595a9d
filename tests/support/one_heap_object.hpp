// An allocator whose every block belongs to one heap object: for tests that any allocator must pass.
#pragma once

#include <cstddef>

#include "engine/engine.hpp"

namespace basalt::test {

// An engine but for `allocate`.
template <AddressSpaceOs System, class Thread>
class OneHeapObject : public engine::Engine<System, Thread> {
 public:
  [[nodiscard]] void* allocate(std::size_t size, std::size_t alignment) noexcept {
    if (heap_ == nullptr) heap_ = this->create_heap({});
    return heap_ == nullptr ? nullptr : this->objects().allocate(heap_, size, alignment);
  }

 private:
  basalt_heap* heap_ = nullptr;
};

}  // namespace basalt::test
