// What is said of a crime that a guarded slot has found. The text is part of the interface: docs/reference/guard.md.
#pragma once

#include <atomic>
#include <cstddef>

#include "../base/buffer_text.hpp"
#include "../platform/fatal.hpp"
#include "../platform/faults.hpp"
#include "../platform/modules.hpp"
#include "../platform/raw_os.hpp"
#include "slot.hpp"

namespace basalt::guard {

[[nodiscard]] constexpr const char* name_of(Origin origin) noexcept {
  constexpr const char* names[] = {"Basalt", "malloc", "new", "new[]"};
  return names[static_cast<unsigned>(origin)];
}
[[nodiscard]] constexpr const char* free_for(Origin origin) noexcept {
  return origin == Origin::new_array ? "delete[]" : origin == Origin::new_object ? "delete" : "free";
}
[[nodiscard]] constexpr const char* word_for(Access access) noexcept {
  return access == Access::write ? "a write to" : access == Access::read ? "a read of" : "an access to";
}

// One report, built in memory of its own: a handler of a signal may have a stack of a few KiB. It neither allocates nor waits
// for anything that the dying thread could hold.
class Report {
 public:
  // Effects: of several threads that have something to report, one goes on; the others stay here until the process ends.
  Report() noexcept {
    if (!taken_.exchange(true, std::memory_order_acq_rel) || dying()) return;
    for (;;) RawOs::yield();
  }

  template <class Part>
  Report& operator<<(Part part) noexcept {
    text_ << part;
    return *this;
  }

  // Effects: the rest of the report: what the block is, who has done what to it, what to do next; and the process ends.
  [[noreturn]] void end(const Slot& slot, const Stack& now) noexcept {
    const bool gone = slot.state.load(std::memory_order_acquire) == State::freed;
    text_ << "\n  block: " << static_cast<const void*>(slot.block) << " to " << slot.end() << ", "
          << slot.size << " bytes from " << name_of(slot.origin) << ", guarded; unguarded it would have "
          << slot.rounding << " bytes\n";
    write("this happened", now);
    write("allocated", slot.allocated);
    if (gone) write("freed", slot.freed);
    finish();
  }

  // Effects: the same where there is no block to tell of.
  [[noreturn]] void end(const Stack& now) noexcept {
    text_ << "\n";
    write("this happened", now);
    finish();
  }

 private:
  void write(const char* what, const Stack& stack) noexcept {
    text_ << "  " << what << " in thread " << std::size_t{stack.thread} << ":\n";
    std::size_t number = 0;
    for (std::size_t i = 0; i < stack.count; ++i) {
      const Module module = module_of(stack.calls[i]);
      if (number == 0 && module.ours()) continue;
      text_ << "    #" << number++ << " " << reinterpret_cast<const void*>(stack.calls[i]);
      if (module.file[0] != '\0')
        text_ << " " << module.file << "+" << reinterpret_cast<const void*>(module.offset);
      text_ << "\n";
    }
  }

  [[noreturn]] void finish() noexcept {
    text_ << "  next: addr2line -Cfie FILE OFFSET names the line of a FILE+OFFSET; stacks are whole where "
             "code has\n"
          << "  frame pointers (-fno-omit-frame-pointer); BASALT_GUARD=100 in the environment guards more "
             "blocks\n";
    const std::size_t size = text_.finish();
    fatal(buffer_, size < sizeof buffer_ ? size : sizeof buffer_ - 1);
  }

  static inline constinit std::atomic<bool> taken_{false};
  static inline constinit char buffer_[16 * KiB] = {};

  BufferText text_{buffer_, sizeof buffer_};
};

}  // namespace basalt::guard
