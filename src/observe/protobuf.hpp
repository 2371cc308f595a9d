// Writes the wire format of Protocol Buffers: a message is a sequence of fields, each a number with what follows it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace basalt::observe {

// What is written is kept up to `Capacity` bytes; then, `Out` is called with it.
//
//   out(const std::byte* bytes, std::size_t size)
template <std::size_t Capacity, class Out>
class Protobuf {
 public:
  explicit Protobuf(Out out) noexcept : out_{out} {}

  // A number of no value is what a field has that is not there: it is left out.
  void number(unsigned field, std::uint64_t value) noexcept {
    if (value == 0) return;
    varint(std::uint64_t{field} << 3);
    varint(value);
  }

  void bytes(unsigned field, const void* data, std::size_t size) noexcept {
    varint(std::uint64_t{field} << 3 | 2);
    varint(size);
    const auto* const all = static_cast<const std::byte*>(data);
    for (std::size_t i = 0; i < size; ++i) put(all[i]);
  }

  void text(unsigned field, const char* words) noexcept { bytes(field, words, std::strlen(words)); }

  // Of an array of numbers that are written one behind the other, under one field.
  void varint(std::uint64_t value) noexcept {
    for (; value >= 0x80; value >>= 7) put(static_cast<std::byte>((value & 0x7f) | 0x80));
    put(static_cast<std::byte>(value));
  }

  [[nodiscard]] const std::byte* data() const noexcept { return buffer_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  // Effects: nothing is kept any more.
  void flush() noexcept {
    out_(static_cast<const std::byte*>(buffer_), size_);
    size_ = 0;
  }

 private:
  void put(std::byte byte) noexcept {
    if (size_ == Capacity) flush();
    buffer_[size_++] = byte;
  }

  Out out_;
  std::size_t size_ = 0;
  std::byte buffer_[Capacity];
};

// A message inside of another one: its length comes first, so it is made apart, and never has more than `Capacity` bytes.
struct Nowhere {
  void operator()(const std::byte*, std::size_t) const noexcept {}
};
template <std::size_t Capacity>
class Submessage : public Protobuf<Capacity, Nowhere> {
 public:
  Submessage() noexcept : Protobuf<Capacity, Nowhere>{Nowhere{}} {}
};

}  // namespace basalt::observe
