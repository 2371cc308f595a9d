// To write to a file, all of it.
#pragma once

#include <cerrno>
#include <cstddef>

#include "../base/bits.hpp"
#include "system_call.hpp"

namespace basalt {

// Effects: writes to a file, a pipe or a socket until all is written or the system refuses.
[[nodiscard]] inline Error write_all(int file, const std::byte* bytes, std::size_t size) noexcept {
  while (size != 0) {
    const long written =
        raw::system_call(raw::Call::write, static_cast<std::uintptr_t>(file), address_of(bytes), size);
    const Error error = raw::error_in(written);
    if (error.number == EINTR) continue;
    if (error) return error;
    bytes += written;
    size -= static_cast<std::size_t>(written);
  }
  return no_error;
}

}  // namespace basalt
