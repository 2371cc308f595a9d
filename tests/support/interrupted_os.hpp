// An operating system during whose calls something else happens: what another thread could do just then, for certain.
#pragma once

#include <cstddef>
#include <functional>
#include <utility>

#include "platform/os.hpp"

namespace basalt::test {

// The state belongs to the type: give each test file a `Tag` of its own.
template <AddressSpaceOs Inner, class Tag>
struct InterruptedOs : Inner {
  // Done once, in the next call of that kind and before it.
  static inline std::function<void()> in_reserve;
  static inline std::function<void()> in_close;
  // The first memory that was opened since this was empty.
  static inline Range table;

  static Error open(Range range) noexcept {
    const Error answer = Inner::open(range);
    if (!answer && table.empty()) table = range;
    return answer;
  }
  static Result<std::byte*> reserve(std::size_t bytes) noexcept {
    interrupt(in_reserve);
    return Inner::reserve(bytes);
  }
  static Error close(Range range) noexcept {
    interrupt(in_close);
    return Inner::close(range);
  }

 private:
  static void interrupt(std::function<void()>& event) noexcept {
    if (event) std::exchange(event, nullptr)();
  }
};

}  // namespace basalt::test
