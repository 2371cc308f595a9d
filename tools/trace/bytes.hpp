// Numbers as bytes: little-endian, and varints of seven bits a byte, least significant first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace basalt::trace {

using Bytes = std::vector<std::uint8_t>;

inline void put_fixed(Bytes& to, std::uint64_t value, unsigned bytes) {
  for (unsigned i = 0; i != bytes; ++i) to.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

inline void put_varint(Bytes& to, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) to.push_back(static_cast<std::uint8_t>(value | 0x80));
  to.push_back(static_cast<std::uint8_t>(value));
}

// Bytes of one column, for which there is room: none is checked one by one.
class Column {
 public:
  explicit Column(std::size_t most) : bytes_{new std::uint8_t[most]}, end_{bytes_.get()} {}

  void clear() noexcept { end_ = bytes_.get(); }
  void byte(std::uint8_t value) noexcept { *end_++ = value; }
  void varint(std::uint64_t value) noexcept {
    for (; value >= 0x80; value >>= 7) byte(static_cast<std::uint8_t>(value | 0x80));
    byte(static_cast<std::uint8_t>(value));
  }
  [[nodiscard]] std::span<const std::uint8_t> bytes() const noexcept { return {bytes_.get(), end_}; }

 private:
  std::unique_ptr<std::uint8_t[]> bytes_;
  std::uint8_t* end_;
};

// Differences of either sign: 0, -1, 1, -2, 2 become 0, 1, 2, 3, 4.
[[nodiscard]] constexpr std::uint64_t zigzag(std::uint64_t difference) noexcept {
  return (difference << 1) ^ (0 - (difference >> 63));
}
[[nodiscard]] constexpr std::uint64_t unzigzag(std::uint64_t value) noexcept {
  return (value >> 1) ^ (0 - (value & 1));
}

// Reads what the functions above wrote. What is not there reads as 0, and from then on `ok` is false.
class Cursor {
 public:
  explicit Cursor(std::span<const std::uint8_t> bytes) noexcept : bytes_{bytes} {}

  [[nodiscard]] bool ok() const noexcept { return ok_; }
  [[nodiscard]] bool at_end() const noexcept { return at_ == bytes_.size(); }

  std::uint64_t fixed(unsigned bytes) noexcept {
    std::uint64_t value = 0;
    for (unsigned i = 0; i != bytes; ++i) value |= std::uint64_t{byte()} << (8 * i);
    return value;
  }

  std::uint64_t varint() noexcept {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const std::uint64_t next = byte();
      value |= (next & 0x7f) << shift;
      if (next < 0x80) return value;
    }
    ok_ = false;  // longer than any number
    return 0;
  }

  std::span<const std::uint8_t> take(std::uint64_t bytes) noexcept {
    if (bytes > bytes_.size() - at_) {
      ok_ = false;
      return {};
    }
    const auto taken = bytes_.subspan(at_, static_cast<std::size_t>(bytes));
    at_ += taken.size();
    return taken;
  }

  std::uint8_t byte() noexcept {
    if (at_end()) {
      ok_ = false;
      return 0;
    }
    return bytes_[at_++];
  }

 private:
  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace basalt::trace
