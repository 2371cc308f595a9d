#include "start.hpp"

namespace basalt {

constinit std::atomic<bool> libc_is_up{false};

namespace {

// The earliest priority that is not the implementation's own.
[[gnu::constructor(101)]] void constructors_run() noexcept { note_libc_up(); }

}  // namespace

}  // namespace basalt
