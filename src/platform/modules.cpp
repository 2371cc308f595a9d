#include "modules.hpp"

#include <fcntl.h>

#include "../base/range.hpp"
#include "system_call.hpp"

namespace basalt {

namespace {

// A file, letter by letter.
class Letters {
 public:
  explicit Letters(const char* path) noexcept
      : file_{raw::system_call(raw::Call::openat, static_cast<std::uintptr_t>(AT_FDCWD),
                               reinterpret_cast<std::uintptr_t>(path), O_RDONLY | O_CLOEXEC)} {}
  ~Letters() {
    if (file_ >= 0) raw::system_call(raw::Call::close, static_cast<std::uintptr_t>(file_));
  }
  Letters(const Letters&) = delete;
  Letters& operator=(const Letters&) = delete;

  // Returns: the next one; 0 when there is none.
  [[nodiscard]] char next() noexcept {
    if (at_ == end_) {
      at_ = 0;
      const long got = file_ < 0 ? 0
                                 : raw::system_call(raw::Call::read, static_cast<std::uintptr_t>(file_),
                                                    reinterpret_cast<std::uintptr_t>(text_), sizeof text_);
      end_ = got > 0 ? static_cast<std::size_t>(got) : 0;
    }
    return at_ == end_ ? '\0' : text_[at_++];
  }

  // Returns: the hexadecimal number that comes next, without the letter behind it, which is gone too.
  [[nodiscard]] std::uintptr_t number() noexcept {
    std::uintptr_t number = 0;
    for (;;) {
      const char letter = next();
      if (letter >= '0' && letter <= '9') {
        number = number * 16 + static_cast<std::uintptr_t>(letter - '0');
      } else if (letter >= 'a' && letter <= 'f') {
        number = number * 16 + static_cast<std::uintptr_t>(letter - 'a') + 10;
      } else {
        return number;
      }
    }
  }

  void skip_word() noexcept {
    for (char letter = next(); letter != ' ' && letter != '\0'; letter = next()) continue;
  }

  // Effects: reads to the end of the line, and keeps what is in it but for spaces at the beginning, or the end of that.
  void rest(char (&text)[Module::longest + 1]) noexcept {
    std::size_t size = 0;
    for (char letter = next(); letter != '\n' && letter != '\0'; letter = next()) {
      if (letter == ' ' && size == 0) continue;
      if (size == Module::longest) {
        for (std::size_t i = 1; i < size; ++i) text[i - 1] = text[i];
        --size;
      }
      text[size++] = letter;
    }
    text[size] = '\0';
  }

 private:
  long file_;
  std::size_t at_ = 0;
  std::size_t end_ = 0;
  char text_[512];
};

}  // namespace

bool Module::ours() const noexcept {
  const char* name = file;
  for (const char* at = file; *at != '\0'; ++at) name = *at == '/' ? at + 1 : name;
  for (const char* own = "libbasalt"; *own != '\0'; ++own, ++name) {
    if (*name != *own) return false;
  }
  return true;
}

// A line: begin-end rights offset device inode path. It is read as it comes; the kernel ends the last one too.
void find_modules(const std::uintptr_t* addresses, std::size_t count, Module* found) noexcept {
  Letters maps{"/proc/self/maps"};
  for (;;) {
    const std::uintptr_t begin = maps.number();
    const std::uintptr_t end = maps.number();
    if (end == 0) return;
    maps.skip_word();
    const std::uintptr_t offset = maps.number();
    maps.skip_word();
    maps.skip_word();
    Module module;
    maps.rest(module.file);
    for (std::size_t i = 0; i < count; ++i) {
      if (addresses[i] < begin || addresses[i] >= end) continue;
      module.offset = addresses[i] - begin + offset;
      found[i] = module;
    }
  }
}

}  // namespace basalt
