// Who called: addresses inside the call instructions that a thread is in, found by following frame pointers.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace basalt {

// The innermost call first.
//
// A frame pointer is followed only upwards, by less than a MiB, to memory that the kernel says can be read: so code that was
// compiled without frame pointers makes the list short, or adds an address that is none, but never a fault. No lock, no
// allocation; one system call for each page of stack that is not known yet.
struct Stack {
  static constexpr std::size_t most = 20;

  std::uint32_t thread = 0;  // the kernel's number of it; 0: nothing is known
  std::uint32_t count = 0;
  std::uintptr_t calls[most] = {};

  // Effects: begins with the caller of the function that asks.
  [[gnu::noinline]] void capture() noexcept;

  // Effects: the same for a thread that was stopped at `pc` while its frame pointer was `frame`.
  void walk(std::uintptr_t pc, std::uintptr_t frame) noexcept;
};

// Memory that the kernel has said can be read, in one piece, as long as the caller is in it: so that not every walk asks again.
//
// A thread may switch to a stack of its own making and give that back. Then the next walk begins outside, and starts anew.
struct KnownStack {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;

  // Effects: if what lies at the frame is not in it, pages up to there are asked about.
  // Returns: whether two words can be read there. One comparison says so of most: what is no whole word is turned into a large number.
  [[nodiscard]] bool covers(std::uintptr_t frame) noexcept {
    const std::uintptr_t places = begin == end ? 0 : (end - begin) / sizeof(void*) - 1;
    return std::rotr(frame - begin, word_bits) < places || extend_to(frame);
  }

 private:
  static constexpr int word_bits = std::countr_zero(sizeof(void*));

  [[nodiscard]] bool extend_to(std::uintptr_t frame) noexcept;
  [[nodiscard]] bool reach(std::uintptr_t address) noexcept;
};

// Effects: writes as many of those calls to `calls`, `most` at most, and begins with the caller of the function that asks.
// Returns: how many.
[[nodiscard, gnu::noinline]] std::size_t capture_calls(std::uintptr_t* calls, std::size_t most) noexcept;

// The same, for a thread that asks often.
[[nodiscard, gnu::noinline]] std::size_t capture_calls(std::uintptr_t* calls, std::size_t most,
                                                       KnownStack& known) noexcept;

// Returns: the kernel's number of the calling thread.
[[nodiscard]] std::uint32_t thread_number() noexcept;

// Returns: whether the word in which `address` lies can be read.
[[nodiscard]] bool readable(std::uintptr_t address) noexcept;

}  // namespace basalt
