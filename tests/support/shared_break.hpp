// A data segment that the test shares with somebody.
#pragma once

#include <cstddef>

#include "platform/raw_os.hpp"

namespace basalt::test {

// Its data segment is an array, and its break is moved by others as the test tells them to: before the call that is
// `others_at` calls away, somebody takes `others_bytes`. All else is RawOs.
struct SharedBreak : RawOs {
  static constexpr std::size_t size = 4 * MiB;
  static inline std::size_t at = 0;
  static inline std::size_t others_at = 0;
  static inline std::size_t others_bytes = 0;
  static inline Range others;  // what somebody took
  alignas(64 * KiB) static inline std::byte segment[size];

  static void reset(std::size_t begin = 0) { at = begin, others_at = 0, others_bytes = 0, others = {}; }

  static Result<std::byte*> extend_break(std::size_t bytes) noexcept {
    if (others_at != 0 && --others_at == 0) {
      others = {segment + at, others_bytes};
      at += others_bytes;
    }
    if (bytes > size - at) return Result<std::byte*>::failure(out_of_memory);
    at += bytes;
    return Result<std::byte*>::success(segment + at - bytes);
  }
};

}  // namespace basalt::test
