// The engine, and each block of it is written down.
#pragma once

#include <bit>
#include <cstddef>

#include "../base/origin.hpp"
#include "../engine/engine.hpp"
#include "recorder.hpp"

namespace basalt::observe {

// What is allocated in heap objects is not recorded.
template <AddressSpaceOs System, class Thread, class Profile>
class Recorded : public engine::Engine<System, Thread, Profile> {
  using Base = engine::Engine<System, Thread, Profile>;

 public:
  static constexpr bool prepares_itself = false;  // what the first call does is to be in the record

  [[nodiscard]] void* allocate(std::size_t size, std::size_t alignment,
                               Origin origin = Origin::unknown) noexcept {
    void* const p = Base::allocate(size, alignment, origin);
    const bool plain = alignment <= natural;
    recorder_.allocated(plain ? Note::allocate : Note::allocate_aligned, p, size, log2_of(alignment));
    return p;
  }

  [[nodiscard]] void* allocate_zeroed(std::size_t size) noexcept {
    void* const p = Base::allocate_zeroed(size);
    recorder_.allocated(Note::allocate_zeroed, p, size, log2_of(natural));
    return p;
  }

  // What is none of ours is refused below, and is no event.
  template <class... Claims>
  [[nodiscard]] bool deallocate(void* p, Claims... claims) noexcept {
    if (Base::owns(p)) recorder_.leaving(Note::free, p);
    return Base::deallocate(p, claims...);
  }

  [[nodiscard]] void* reallocate(void* p, std::size_t size) noexcept {
    recorder_.leaving(Note::resizing, p);
    void* const resized = Base::reallocate(p, size);
    recorder_.resized(resized, size);
    return resized;
  }

  void park() noexcept {
    recorder_.thread_ended();
    Base::park();
  }

  void after_fork_in_child() noexcept {
    Base::after_fork_in_child();
    recorder_.after_fork_in_child();
  }

  [[nodiscard]] Recorder<System, Thread>& recorder() noexcept { return recorder_; }

 private:
  static constexpr std::size_t natural = 16;

  [[nodiscard]] static unsigned log2_of(std::size_t alignment) noexcept {
    return static_cast<unsigned>(std::countr_zero(alignment));
  }

  Recorder<System, Thread> recorder_;
};

}  // namespace basalt::observe
