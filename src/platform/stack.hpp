// Who called: addresses inside the call instructions that a thread is in, found by following frame pointers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace basalt {

// The innermost call first.
//
// A frame pointer is followed only upwards, by less than a MiB, to memory that the kernel says can be read: so code that was
// compiled without frame pointers makes the list short, or adds an address that is none, but never a fault. No lock, no
// allocation; one system call for each page of stack.
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

// Effects: writes as many of those calls to `calls`, `most` at most, and begins with the caller of the function that asks.
// Returns: how many.
[[nodiscard, gnu::noinline]] std::size_t capture_calls(std::uintptr_t* calls, std::size_t most) noexcept;

// Returns: the kernel's number of the calling thread.
[[nodiscard]] std::uint32_t thread_number() noexcept;

// Returns: whether eight bytes at `address` can be read.
[[nodiscard]] bool readable(std::uintptr_t address) noexcept;

}  // namespace basalt
