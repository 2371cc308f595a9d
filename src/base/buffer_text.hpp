// Text of any length, built in a buffer of the caller's: for reports that must be written without allocating.
#pragma once

#include <cstddef>
#include <cstdint>

namespace basalt {

// As snprintf does it: what does not fit is dropped but counted, and the text ends with a 0 if there is any room at all.
class BufferText {
 public:
  BufferText(char* buffer, std::size_t capacity) noexcept
      : buffer_{buffer}, capacity_{buffer == nullptr ? 0 : capacity} {}

  BufferText& operator<<(const char* words) noexcept {
    while (*words != '\0') put(*words++);
    return *this;
  }

  BufferText& operator<<(std::size_t number) noexcept {
    char reversed[24];
    std::size_t count = 0;
    do {
      reversed[count++] = static_cast<char>('0' + number % 10);
      number /= 10;
    } while (number != 0);
    while (count != 0) put(reversed[--count]);
    return *this;
  }

  BufferText& operator<<(const void* pointer) noexcept {
    char reversed[24];
    std::size_t count = 0;
    auto number = reinterpret_cast<std::uintptr_t>(pointer);
    do {
      reversed[count++] = "0123456789abcdef"[number % 16];
      number /= 16;
    } while (number != 0);
    *this << "0x";
    while (count != 0) put(reversed[--count]);
    return *this;
  }

  // Effects: ends the text.  Returns: its length, the 0 not counted, however much of it fitted.
  std::size_t finish() noexcept {
    if (capacity_ != 0) buffer_[size_ < capacity_ ? size_ : capacity_ - 1] = '\0';
    return size_;
  }

 private:
  void put(char letter) noexcept {
    if (size_ < capacity_) buffer_[size_] = letter;
    ++size_;
  }

  char* buffer_;
  std::size_t capacity_;
  std::size_t size_ = 0;
};

}  // namespace basalt
