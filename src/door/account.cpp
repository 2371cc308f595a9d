// What the kernel and the heap say of a process's memory at the same moment, its end: for `basalt run --stats`.
//
//   BASALT_ACCOUNT=FILE    writes there: a line `process NUMBER`; /proc/self/smaps; then for each mapping that begins with memory
//                          of the heap's blocks a line `ours BEGIN`; for each mapping that describes the heap a line `table BEGIN BYTES`, of which so many are
//                          resident; then the statistics, as JSON
//
// A process that gained privileges (setuid) does not listen to its environment. Of processes that share the variable, the last one
// to end is in the file, and says which it is.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "../base/bits.hpp"
#include "../base/range.hpp"
#include "../platform/raw_os.hpp"
#include "../platform/shared_file.hpp"
#include "../platform/write_all.hpp"
#include "basalt/basalt.h"
#include "kitchen.hpp"
#include "walked.hpp"

namespace {

constexpr std::size_t room = 16 << 20;  // bytes of address space; what is not needed is never touched

// Returns: how much of the range has memory behind it, in bytes, by whole pages. What is not mapped has none.
std::size_t resident_bytes(basalt::Range range) noexcept {
  const std::size_t page = basalt::RawOs::page_size();
  unsigned char states[1024];  // a byte for each page
  std::size_t bytes = 0;
  std::byte* at = basalt::align_down(range.begin, page);
  while (at < range.end()) {
    const auto left = static_cast<std::size_t>(range.end() - at);
    const std::size_t pages = std::min((left + page - 1) / page, sizeof(states));
    if (mincore(at, pages * page, states) == 0)
      bytes += page * static_cast<std::size_t>(std::count_if(states, states + pages,
                                                             [](unsigned char s) { return (s & 1) != 0; }));
    at += pages * page;
  }
  return bytes;
}

// Where the text is put together: not on the heap, which is being described.
class Sheet {
 public:
  Sheet() noexcept {
    const basalt::Result<std::byte*> place =
        basalt::RawOs::reserve(room);  // reserved, it stays a mapping of its own
    if (place.ok() && !basalt::RawOs::open({place.value, room})) text_ = reinterpret_cast<char*>(place.value);
  }
  ~Sheet() {
    if (text_ != nullptr) (void)basalt::RawOs::unmap({reinterpret_cast<std::byte*>(text_), room});
  }
  Sheet(const Sheet&) = delete;
  Sheet& operator=(const Sheet&) = delete;

  [[nodiscard]] bool ok() const noexcept { return text_ != nullptr; }
  [[nodiscard]] const char* text() const noexcept { return text_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  void add_process() noexcept {
    size_ += static_cast<std::size_t>(snprintf(text_ + size_, 64, "process %d\n", getpid()));
  }

  void add_smaps() noexcept {
    size_ += basalt::read_file("/proc/self/smaps", {reinterpret_cast<std::byte*>(text_ + size_), room / 2});
  }

  // A mapping's first line begins with its addresses and a hyphen between them, and the others with a word.
  void add_ours() noexcept {
    const std::size_t end = size_;
    for (std::size_t line = 0; line < end; line = after_line(line, end)) {
      char* rest = nullptr;
      const std::uintptr_t begin = strtoul(text_ + line, &rest, 16);
      if (*rest != '-' || !is_ours(begin, strtoul(rest + 1, nullptr, 16))) continue;
      size_ += static_cast<std::size_t>(snprintf(text_ + size_, 64, "ours %zx\n", begin));
    }
  }

  void add_tables() noexcept {
    using basalt::door::kitchen;
    const auto tell = [this](basalt::Range table) {
      size_ += static_cast<std::size_t>(snprintf(text_ + size_, 64, "table %zx %zu\n",
                                                 basalt::address_of(table.begin), resident_bytes(table)));
    };
    tell({reinterpret_cast<std::byte*>(&kitchen), sizeof(kitchen)});
    tell_tables(kitchen, tell);
  }

  void add_statistics() noexcept { size_ += basalt_stats_json(text_ + size_, room - size_); }

 private:
  // A kitchen that cannot be walked describes its blocks where they are.
  template <class Kitchen, class Visitor>
  static void tell_tables(const Kitchen& which, Visitor&& tell) noexcept {
    if constexpr (basalt::door::Walked<Kitchen>) which.each_table(tell);
  }

  // The kernel may have joined it with a mapping beside it.
  [[nodiscard]] static bool is_ours(std::uintptr_t begin, std::uintptr_t end) noexcept {
    for (const std::uintptr_t place : {begin, begin + (end - begin) / 2, end - 1}) {
      if (holds(basalt::door::kitchen, reinterpret_cast<const void*>(place))) return true;
    }
    return false;
  }

  // Whether p is in a block, or where blocks have been and will be.
  template <class Kitchen>
  [[nodiscard]] static bool holds(const Kitchen& which, const void* p) noexcept {
    if constexpr (basalt::door::Walked<Kitchen>) {
      if (which.space().slice_of(p) != which.space().none) return true;
    }
    return which.owns(p);
  }

  [[nodiscard]] std::size_t after_line(std::size_t at, std::size_t end) const noexcept {
    while (at < end && text_[at] != '\n') ++at;
    return at + 1;
  }

  char* text_ = nullptr;
  std::size_t size_ = 0;
};

[[gnu::destructor]] void account_at_exit() noexcept {
  const char* const path = secure_getenv("BASALT_ACCOUNT");
  if (path == nullptr) return;
  Sheet sheet;
  if (!sheet.ok()) return;
  sheet.add_process();
  sheet.add_smaps();
  sheet.add_ours();
  sheet.add_tables();
  sheet.add_statistics();
  const int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0644);
  const bool written =
      file >= 0 && !basalt::write_all(file, reinterpret_cast<const std::byte*>(sheet.text()), sheet.size());
  if (!written) dprintf(2, "basalt: cannot write the account to %s: %s\n", path, strerror(errno));
  if (file >= 0) close(file);
}

}  // namespace
