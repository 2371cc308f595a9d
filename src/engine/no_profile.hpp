// What an engine has in place of a profile that watches it.
#pragma once

#include <cstddef>

#include "../base/result.hpp"
#include "lock.hpp"

namespace basalt::engine {

// A profile is told of the requests that are sampled. An engine calls it in slow paths, with no lock of its own held.
//
//   ready()                     Effects: has the memory that it needs from now on.  Errors: ENOMEM.
//   note(block, size, period)   Effects: a request was sampled, one in `period` bytes, and this is its block.
//   lose()                      Effects: one was sampled whose free nobody would notice, so it is not followed.
//   forget(block)               Effects: the block is about to be freed; it need not have been sampled.
//   table_bytes()               Returns: what it has mapped.
//   each_table(visit)           Effects: calls visit(range) for each of its mappings.
//   lock()                      Returns: the lock that `note` and `forget` take.
class NoProfile {
 public:
  constexpr NoProfile() noexcept = default;

  [[nodiscard]] Error ready() const noexcept { return no_error; }
  void note(const void*, std::size_t, std::size_t) const noexcept {}
  void lose() const noexcept {}
  void forget(const void*) const noexcept {}
  [[nodiscard]] std::size_t table_bytes() const noexcept { return 0; }
  template <class Visitor>
  void each_table(Visitor&&) const noexcept {}
  [[nodiscard]] Lock& lock() const noexcept { return lock_; }

 private:
  mutable Lock lock_;
};

}  // namespace basalt::engine
