// The operating system by libc: the same operations as RawOs for systems where that is the way in, and for
// tools that watch mmap(3) and its kin.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

#include "os.hpp"

namespace basalt {

// libc says why a call failed in errno, which belongs to the program: whoever makes one of these puts it back.
class ErrnoKept {
 public:
  ErrnoKept() noexcept = default;
  ErrnoKept(const ErrnoKept&) = delete;
  ErrnoKept& operator=(const ErrnoKept&) = delete;
  ~ErrnoKept() { errno = before_; }

 private:
  const int before_ = errno;
};

// No operation changes errno.
struct LibcOs {
  [[nodiscard]] static std::size_t page_size() noexcept {
    const ErrnoKept keep;
    return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  }

  [[nodiscard]] static Result<std::byte*> map(std::size_t bytes) noexcept {
    const ErrnoKept keep;
    return pointer_or_error(
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  }

  [[nodiscard]] static Error unmap(Range range) noexcept {
    const ErrnoKept keep;
    return error_if(::munmap(range.begin, range.size) != 0);
  }

  [[nodiscard]] static Result<std::byte*> remap(Range range, std::size_t bytes) noexcept {
    const ErrnoKept keep;
    return pointer_or_error(::mremap(range.begin, range.size, bytes, MREMAP_MAYMOVE));
  }

  [[nodiscard]] static Error extend(Range range, std::size_t bytes) noexcept {
    const ErrnoKept keep;
    return error_if(::mremap(range.begin, range.size, bytes, 0) == MAP_FAILED);
  }

  [[nodiscard]] static Error decommit(Range range) noexcept {
    const ErrnoKept keep;
    return error_if(::madvise(range.begin, range.size, MADV_DONTNEED) != 0);
  }

  [[nodiscard]] static Result<std::byte*> extend_break(std::size_t bytes) noexcept {
    const ErrnoKept keep;
    if (bytes > max_request)
      return Result<std::byte*>::failure(out_of_memory);  // sbrk would read it as negative
    return pointer_or_error(::sbrk(static_cast<std::intptr_t>(bytes)));
  }

  [[nodiscard]] static Result<int> open_file(const char* path) noexcept {
    const ErrnoKept keep;
    const int file = path == nullptr ? ::memfd_create("basalt", MFD_CLOEXEC)
                                     : ::open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return file < 0 ? Result<int>::failure(Error{errno}) : Result<int>::success(file);
  }

  [[nodiscard]] static Result<std::size_t> file_size(int file) noexcept {
    const ErrnoKept keep;
    const off_t end = ::lseek(file, 0, SEEK_END);
    return end < 0 ? Result<std::size_t>::failure(Error{errno})
                   : Result<std::size_t>::success(static_cast<std::size_t>(end));
  }

  [[nodiscard]] static Error resize_file(int file, std::size_t bytes) noexcept {
    const ErrnoKept keep;
    return error_if(::ftruncate(file, static_cast<off_t>(bytes)) != 0);
  }

  static void close_file(int file) noexcept {
    const ErrnoKept keep;
    ::close(file);
  }

  [[nodiscard]] static Result<std::byte*> map_file(std::byte* at, std::size_t bytes, int file) noexcept {
    const ErrnoKept keep;
    const int flags = at == nullptr ? MAP_SHARED : MAP_SHARED | MAP_FIXED_NOREPLACE;
    return exactly(at, bytes, pointer_or_error(::mmap(at, bytes, PROT_READ | PROT_WRITE, flags, file, 0)));
  }

  static void write(int file, const char* text, std::size_t bytes) noexcept {
    const ErrnoKept keep;
    [[maybe_unused]] const ssize_t written = ::write(file, text, bytes);
  }

  static void yield() noexcept {
    const ErrnoKept keep;
    ::sched_yield();
  }

 private:
  [[nodiscard]] static Error error_if(bool failed) noexcept { return failed ? Error{errno} : no_error; }

  // Kernels before 4.17, and some emulators, take MAP_FIXED_NOREPLACE for a hint and map elsewhere.
  [[nodiscard]] static Result<std::byte*> exactly(std::byte* at, std::size_t bytes,
                                                  Result<std::byte*> mapped) noexcept {
    if (!mapped.ok() || at == nullptr || mapped.value == at) return mapped;
    ::munmap(mapped.value, bytes);
    return Result<std::byte*>::failure(address_taken);
  }

  // mmap, mremap and sbrk all answer (void*)-1 when they fail.
  [[nodiscard]] static Result<std::byte*> pointer_or_error(void* answer) noexcept {
    if (answer == MAP_FAILED) return Result<std::byte*>::failure(Error{errno});
    return Result<std::byte*>::success(static_cast<std::byte*>(answer));
  }
};

static_assert(Os<LibcOs>);

}  // namespace basalt
