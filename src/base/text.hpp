// A sentence built on the stack: for messages that must be written without allocating.
#pragma once

#include <cstddef>
#include <cstdint>

namespace basalt {

// Appends until it is full, then drops the rest: a message cut short is better than none.
class Text {
 public:
  static constexpr std::size_t capacity = 512;  // bytes

  Text& operator<<(const char* words) noexcept {
    while (*words != '\0') put(*words++);
    return *this;
  }

  Text& operator<<(std::size_t number) noexcept { return digits(number, 10); }
  Text& operator<<(int number) noexcept {
    if (number < 0) put('-');
    return digits(number < 0 ? 0 - static_cast<std::size_t>(number) : static_cast<std::size_t>(number), 10);
  }
  Text& operator<<(const void* pointer) noexcept {
    put('0');
    put('x');
    return digits(reinterpret_cast<std::uintptr_t>(pointer), 16);
  }

  // Effects: appends a line end, in place of the last letter if there is no room left.
  Text& end_line() noexcept {
    if (size_ == capacity) --size_;
    put('\n');
    return *this;
  }

  [[nodiscard]] const char* data() const noexcept { return data_; }
  // Returns: the same with a 0 behind it, until more is appended.
  [[nodiscard]] const char* c_str() noexcept {
    data_[size_] = '\0';
    return data_;
  }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  void put(char letter) noexcept {
    if (size_ < capacity) data_[size_++] = letter;
  }

  Text& digits(std::size_t number, std::size_t radix) noexcept {
    char reversed[24];
    std::size_t count = 0;
    do {
      reversed[count++] = "0123456789abcdef"[number % radix];
      number /= radix;
    } while (number != 0);
    while (count != 0) put(reversed[--count]);
    return *this;
  }

  std::size_t size_ = 0;
  char data_[capacity + 1];
};

}  // namespace basalt
