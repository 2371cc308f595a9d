// What a fuzzer gives, as the numbers that an allocator is asked with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>

namespace basalt::test {

// The input, a number at a time; behind its end there are zeros.
class FuzzInput {
 public:
  FuzzInput(const std::uint8_t* data, std::size_t bytes) : data_{data}, end_{data + bytes} {}

  [[nodiscard]] bool more() const { return data_ != end_; }
  std::size_t byte() { return more() ? *data_++ : 0; }

  // Most sizes are small; some have any number of bits, and some are near a power of two.
  std::size_t size() {
    const std::size_t shape = byte();
    const std::size_t low = byte();
    if (shape < 128) return shape * 16 + low % 16;
    const std::size_t power = std::size_t{1} << shape % 64;
    return low < 128 ? power + low % 16 : power - low % 16;
  }
  std::size_t alignment() { return std::size_t{1} << byte() % 24; }

 private:
  const std::uint8_t* data_;
  const std::uint8_t* end_;
};

// Effects: calls play(input).  Errors: what it throws ends the process, in words.  Returns: what a fuzz target has to.
template <class Play>
int play_or_abort(const std::uint8_t* data, std::size_t bytes, Play&& play) {
  FuzzInput input{data, bytes};
  try {
    play(input);
  } catch (const std::exception& broken) {
    std::fprintf(stderr, "%s\n", broken.what());
    std::abort();
  }
  return 0;
}

}  // namespace basalt::test
