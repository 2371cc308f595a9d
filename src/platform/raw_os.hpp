// The operating system by raw system calls: works before relocation, in ifunc resolvers, and where libc is
// hooked.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>

#include <unistd.h>
#include <cerrno>

#include <atomic>
#include <cstddef>

#include "os.hpp"
#include "system_call.hpp"

namespace basalt {

struct RawOs {
  // Found by asking: madvise(2) refuses an address that is not page-aligned before it looks at anything else,
  // and advice about no bytes does nothing. So the smallest power of two that it accepts is the page size.
  // This needs neither libc nor /proc, and only a call that every sandbox which lets us live must allow.
  [[nodiscard]] static std::size_t page_size() noexcept {
    std::size_t page = page_size_.load(std::memory_order_relaxed);
    if (page != 0) return page;
    page = smallest_page;
    while (page < largest_page && raw::error_in(raw::system_call(raw::Call::madvise, page, 0, MADV_NORMAL))) {
      page *= 2;
    }
    page_size_.store(page, std::memory_order_relaxed);
    return page;
  }

  [[nodiscard]] static Result<std::byte*> map(std::size_t bytes) noexcept {
    return raw::pointer_in(raw::system_call(raw::Call::mmap, 0, bytes, PROT_READ | PROT_WRITE,
                                            MAP_PRIVATE | MAP_ANONYMOUS, no_file, 0));
  }

  [[nodiscard]] static Error unmap(Range range) noexcept {
    return raw::error_in(raw::system_call(raw::Call::munmap, address_of(range.begin), range.size));
  }

  [[nodiscard]] static Result<std::byte*> remap(Range range, std::size_t bytes) noexcept {
    return raw::pointer_in(
        raw::system_call(raw::Call::mremap, address_of(range.begin), range.size, bytes, MREMAP_MAYMOVE));
  }

  [[nodiscard]] static Error extend(Range range, std::size_t bytes) noexcept {
    return raw::error_in(raw::system_call(raw::Call::mremap, address_of(range.begin), range.size, bytes, 0));
  }

  [[nodiscard]] static Error decommit(Range range) noexcept {
    return raw::error_in(
        raw::system_call(raw::Call::madvise, address_of(range.begin), range.size, MADV_DONTNEED));
  }

  // brk(2) answers with the break as it then is: unchanged means refused. The C library keeps a copy of the break and
  // would set it back: this may be used where nobody calls sbrk(3), which glibc's malloc does.
  [[nodiscard]] static Result<std::byte*> extend_break(std::size_t bytes) noexcept {
    if (bytes > max_request) return Result<std::byte*>::failure(out_of_memory);
    const auto before = static_cast<std::uintptr_t>(raw::system_call(raw::Call::brk, 0));
    const std::uintptr_t wanted = before + bytes;
    if (static_cast<std::uintptr_t>(raw::system_call(raw::Call::brk, wanted)) != wanted) {
      return Result<std::byte*>::failure(out_of_memory);
    }
    return Result<std::byte*>::success(reinterpret_cast<std::byte*>(before));
  }

  [[nodiscard]] static Result<int> open_file(const char* path) noexcept {
    const long answer = path == nullptr
                            ? raw::system_call(raw::Call::memfd_create, address_of("basalt"), MFD_CLOEXEC)
                            : raw::system_call(raw::Call::openat, static_cast<std::uintptr_t>(AT_FDCWD),
                                               address_of(path), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    const Error error = raw::error_in(answer);
    return error ? Result<int>::failure(error) : Result<int>::success(static_cast<int>(answer));
  }

  [[nodiscard]] static Result<std::size_t> file_size(int file) noexcept {
    const long end = raw::system_call(raw::Call::lseek, static_cast<std::uintptr_t>(file), 0, SEEK_END);
    const Error error = raw::error_in(end);
    return error ? Result<std::size_t>::failure(error)
                 : Result<std::size_t>::success(static_cast<std::size_t>(end));
  }

  [[nodiscard]] static Error resize_file(int file, std::size_t bytes) noexcept {
    return raw::error_in(raw::system_call(raw::Call::ftruncate, static_cast<std::uintptr_t>(file), bytes));
  }

  static void close_file(int file) noexcept {
    raw::system_call(raw::Call::close, static_cast<std::uintptr_t>(file));
  }

  [[nodiscard]] static Result<std::byte*> map_file(std::byte* at, std::size_t bytes, int file) noexcept {
    const std::uintptr_t flags =
        at == nullptr ? MAP_SHARED : static_cast<std::uintptr_t>(MAP_SHARED | MAP_FIXED_NOREPLACE);
    const Result<std::byte*> mapped =
        raw::pointer_in(raw::system_call(raw::Call::mmap, address_of(at), bytes, PROT_READ | PROT_WRITE,
                                         flags, static_cast<std::uintptr_t>(file), 0));
    if (!mapped.ok() || at == nullptr || mapped.value == at) return mapped;
    // Kernels before 4.17, and some emulators, take MAP_FIXED_NOREPLACE for a hint and map elsewhere.
    (void)unmap({mapped.value, bytes});
    return Result<std::byte*>::failure(address_taken);
  }

  [[nodiscard]] static Result<std::byte*> reserve(std::size_t bytes) noexcept {
    return raw::pointer_in(raw::system_call(raw::Call::mmap, 0, bytes, PROT_NONE,
                                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, no_file, 0));
  }

  [[nodiscard]] static Error open(Range range) noexcept {
    return raw::error_in(
        raw::system_call(raw::Call::mprotect, address_of(range.begin), range.size, PROT_READ | PROT_WRITE));
  }

  // Where it can be, the mapping stays the same one, so that what is opened again is one with its neighbours; locked memory cannot
  // be given up so. What is refused leaves memory that may be touched, as it was, or zero.
  [[nodiscard]] static Error close(Range range) noexcept {
    if (raw::system_call(raw::Call::madvise, address_of(range.begin), range.size, MADV_DONTNEED) == 0 &&
        raw::system_call(raw::Call::mprotect, address_of(range.begin), range.size, PROT_NONE) == 0)
      return no_error;
    return raw::error_in(raw::system_call(raw::Call::mmap, address_of(range.begin), range.size, PROT_NONE,
                                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, no_file,
                                          0));
  }

  [[nodiscard]] static Error remap_to(Range range, std::byte* at, std::size_t bytes) noexcept {
    return raw::error_in(raw::system_call(raw::Call::mremap, address_of(range.begin), range.size, bytes,
                                          MREMAP_MAYMOVE | MREMAP_FIXED, address_of(at)));
  }

  // A kernel too old for MAP_FIXED_NOREPLACE takes the address as a hint and may answer with another.
  [[nodiscard]] static Result<std::byte*> map_at(std::byte* at, std::size_t bytes) noexcept {
    const Result<std::byte*> mapped =
        raw::pointer_in(raw::system_call(raw::Call::mmap, address_of(at), bytes, PROT_READ | PROT_WRITE,
                                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, no_file, 0));
    if (!mapped.ok() || mapped.value == at) return mapped;
    (void)unmap({mapped.value, bytes});
    return Result<std::byte*>::failure(Error{EEXIST});
  }

  // Linux 6.13 and later.
  [[nodiscard]] static Error guard(Range range) noexcept {
    if (takes_any_advice()) return Error{EINVAL};
    return raw::error_in(
        raw::system_call(raw::Call::madvise, address_of(range.begin), range.size, guard_install));
  }

  static void prefer_huge_pages(Range range) noexcept {
    raw::system_call(raw::Call::madvise, address_of(range.begin), range.size, MADV_HUGEPAGE);
  }

  static void write(int file, const char* text, std::size_t bytes) noexcept {
    raw::system_call(raw::Call::write, static_cast<std::uintptr_t>(file), address_of(text), bytes);
  }

  static void yield() noexcept { raw::system_call(raw::Call::sched_yield); }

 private:
  // Some emulators take any advice, and heed none: so one is asked for that cannot be, once.
  [[nodiscard]] static bool takes_any_advice() noexcept {
    if (refuses_advice_.load(std::memory_order_relaxed)) return false;
    if (!raw::error_in(raw::system_call(raw::Call::madvise, 0, 0, no_advice))) return true;
    refuses_advice_.store(true, std::memory_order_relaxed);
    return false;
  }

  static constexpr std::uintptr_t guard_install = 102;  // MADV_GUARD_INSTALL, which older headers do not know
  static constexpr std::uintptr_t no_advice = 9999;
  static constexpr std::size_t smallest_page = 4 * KiB;
  static constexpr std::size_t largest_page = 64 * KiB;
  static constexpr std::uintptr_t no_file = static_cast<std::uintptr_t>(-1);

  static inline constinit std::atomic<bool> refuses_advice_{false};  // some: it knows which there are
  static inline constinit std::atomic<std::size_t> page_size_{
      0};  // 0: not asked yet; every thread finds the same
};

static_assert(Os<RawOs>);

}  // namespace basalt
