// What is said of a crime that a guarded slot has found. The text is part of the interface: docs/reference/guard.md.
#pragma once

#include <atomic>
#include <cstddef>

#include "../platform/faults.hpp"
#include "../platform/report.hpp"
#include "slot.hpp"

namespace basalt::guard {

[[nodiscard]] constexpr const char* word_for(Access access) noexcept {
  return access == Access::write ? "a write to" : access == Access::read ? "a read of" : "an access to";
}

class Report : public basalt::Report {
 public:
  // Effects: the rest of the report: what the block is, who has done what to it, what to do next; and the process ends.
  [[noreturn]] void end(const Slot& slot, const Stack& now) noexcept {
    const bool gone = slot.state.now() == State::freed;
    *this << "\n  block: " << static_cast<const void*>(slot.block) << " to " << slot.end() << ", "
          << slot.size << " bytes from " << name_of(slot.origin) << ", guarded; unguarded it would have "
          << slot.rounding << " bytes\n";
    say();
    add("this happened", now).add("allocated", slot.allocated);
    if (gone) add("freed", slot.freed);
    finish();
  }

  // Effects: the same where there is no block to tell of.
  [[noreturn]] void end(const Stack& now) noexcept {
    *this << "\n";
    say();
    add("this happened", now);
    finish();
  }

 private:
  [[noreturn]] void finish() noexcept {
    *this << "  next: addr2line -Cfie FILE OFFSET names the line of a FILE+OFFSET; stacks are whole where "
             "code has\n"
          << "  frame pointers (-fno-omit-frame-pointer); BASALT_GUARD=100 in the environment guards more "
             "blocks\n";
    basalt::Report::end();
  }
};

}  // namespace basalt::guard
