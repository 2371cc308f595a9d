// Files by raw system calls: memory that two processes share, and what the kernel tells of this one.
#pragma once

#include <fcntl.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "../base/range.hpp"
#include "../base/result.hpp"
#include "../base/text.hpp"
#include "raw_os.hpp"
#include "system_call.hpp"

namespace basalt {

// Returns: how long a file may become that this process writes (ulimit -f); where it is longer, the kernel sends SIGXFSZ, and who
// does not expect that dies.
[[nodiscard]] inline std::uint64_t longest_file() noexcept {
  constexpr std::uintptr_t this_process = 0, file_size = 1;
  std::array<std::uint64_t, 2> soft_and_hard{};
  const long answer =
      raw::system_call(raw::Call::prlimit64, this_process, file_size, 0, address_of(soft_and_hard.data()));
  return raw::error_in(answer) ? UINT64_MAX : soft_and_hard[0];
}

// As open(2), in the folder of the process.  Returns: the file's number, or an error as system calls give it.
[[nodiscard]] inline long open_file(const char* path, int flags) noexcept {
  return raw::system_call(raw::Call::openat, static_cast<std::uintptr_t>(AT_FDCWD), address_of(path),
                          static_cast<std::uintptr_t>(flags | O_CLOEXEC), 0600);
}

// Effects: makes a file of that size, all 0, of which every page is the caller's already: a full file system is found here and
// not by a fault later; and maps it to be shared.
// Errors: EEXIST if there is such a file; EFBIG if this process may not have one that long; ENOSPC and what else open(2), fallocate(2)
// and mmap(2) say. Then there is no new file.
[[nodiscard]] inline Result<std::byte*> make_shared_file(const char* path, std::size_t bytes) noexcept {
  if (longest_file() < bytes) return Result<std::byte*>::failure(Error{EFBIG});
  const long file = open_file(path, O_RDWR | O_CREAT | O_EXCL);
  if (const Error error = raw::error_in(file)) return Result<std::byte*>::failure(error);
  const auto number = static_cast<std::uintptr_t>(file);
  const Error full = raw::error_in(raw::system_call(raw::Call::fallocate, number, 0, 0, bytes));
  const Result<std::byte*> mapped =
      full ? Result<std::byte*>::failure(full) : RawOs::map_file(nullptr, bytes, static_cast<int>(file));
  raw::system_call(raw::Call::close, number);
  if (!mapped.ok())
    raw::system_call(raw::Call::unlinkat, static_cast<std::uintptr_t>(AT_FDCWD), address_of(path), 0);
  return mapped;
}

// Effects: makes an empty file, if that can be: its name is all that it says.
inline void make_empty_file(const char* path) noexcept {
  const long file = open_file(path, O_WRONLY | O_CREAT);
  if (!raw::error_in(file)) raw::system_call(raw::Call::close, static_cast<std::uintptr_t>(file));
}

// Effects: copies what can be read from the file, as far as there is room.
// Returns: how many bytes.
[[nodiscard]] inline std::size_t read_file(const char* path, Range room) noexcept {
  const long file = open_file(path, O_RDONLY);
  if (raw::error_in(file)) return 0;
  std::size_t size = 0;
  while (size != room.size) {
    const long got = raw::system_call(raw::Call::read, static_cast<std::uintptr_t>(file),
                                      address_of(room.begin + size), room.size - size);
    if (got <= 0) break;
    size += static_cast<std::size_t>(got);
  }
  raw::system_call(raw::Call::close, static_cast<std::uintptr_t>(file));
  return size;
}

// Returns: the letter by which the kernel calls what that process does: R, S, D, or T if it is stopped (see proc(5)); X if there is no
// such process; ? if that cannot be known.
[[nodiscard]] inline char process_state(std::uint32_t process) noexcept {
  Text path = Text{} << "/proc/" << std::size_t{process} << "/stat";
  std::array<std::byte, 128> text{};
  const std::size_t size = read_file(path.c_str(), {text.data(), text.size()});
  if (size == 0) return read_file("/proc/self/stat", {text.data(), text.size()}) == 0 ? '?' : 'X';
  for (std::size_t at = size; at-- != 0;) {  // the name before it may have a bracket as well
    if (text[at] == std::byte{')'} && at + 2 < size) return static_cast<char>(text[at + 2]);
  }
  return '?';
}

// Returns: the kernel's number of this process.
[[nodiscard]] inline std::uint32_t process_number() noexcept {
  return static_cast<std::uint32_t>(raw::system_call(raw::Call::getpid));
}

}  // namespace basalt
