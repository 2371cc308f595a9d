// One system call, with nothing between us and the kernel.
//
// The kernel answers in one register: a value, or an error number between -4095 and -1.
// Sources: Linux man-pages syscall(2), "Architecture calling conventions".
#pragma once

#include <cstddef>
#include <cstdint>

#include "../base/result.hpp"

namespace basalt::raw {

#if defined(__x86_64__)

enum class Call : long {
  read = 0,
  write = 1,
  close = 3,
  lseek = 8,
  mmap = 9,
  mprotect = 10,
  munmap = 11,
  brk = 12,
  sched_yield = 24,
  mremap = 25,
  madvise = 28,
  getpid = 39,
  ftruncate = 77,
  gettid = 186,
  futex = 202,
  sched_getaffinity = 204,
  openat = 257,
  unlinkat = 263,
  fallocate = 285,
  prlimit64 = 302,
  memfd_create = 319,
};

inline long system_call(Call call, std::uintptr_t a = 0, std::uintptr_t b = 0, std::uintptr_t c = 0,
                        std::uintptr_t d = 0, std::uintptr_t e = 0, std::uintptr_t f = 0) noexcept {
  long answer = static_cast<long>(call);
  register std::uintptr_t r10 __asm__("r10") = d;
  register std::uintptr_t r8 __asm__("r8") = e;
  register std::uintptr_t r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "+a"(answer)
                   : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return answer;
}

#elif defined(__aarch64__)

enum class Call : long {
  unlinkat = 35,
  ftruncate = 46,
  fallocate = 47,
  openat = 56,
  close = 57,
  lseek = 62,
  read = 63,
  write = 64,
  futex = 98,
  sched_getaffinity = 123,
  sched_yield = 124,
  getpid = 172,
  gettid = 178,
  brk = 214,
  munmap = 215,
  mremap = 216,
  mprotect = 226,
  mmap = 222,
  madvise = 233,
  prlimit64 = 261,
  memfd_create = 279,
};

inline long system_call(Call call, std::uintptr_t a = 0, std::uintptr_t b = 0, std::uintptr_t c = 0,
                        std::uintptr_t d = 0, std::uintptr_t e = 0, std::uintptr_t f = 0) noexcept {
  register long x8 __asm__("x8") = static_cast<long>(call);
  register std::uintptr_t x0 __asm__("x0") = a;
  register std::uintptr_t x1 __asm__("x1") = b;
  register std::uintptr_t x2 __asm__("x2") = c;
  register std::uintptr_t x3 __asm__("x3") = d;
  register std::uintptr_t x4 __asm__("x4") = e;
  register std::uintptr_t x5 __asm__("x5") = f;
  __asm__ volatile("svc #0"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                   : "memory", "cc");
  return static_cast<long>(x0);
}

#else
#error "basalt: raw system calls are written for x86-64 and aarch64 Linux; use LibcOs elsewhere"
#endif

[[nodiscard]] inline Error error_in(long answer) noexcept {
  return answer < 0 && answer >= -4095 ? Error{static_cast<int>(-answer)} : no_error;
}

[[nodiscard]] inline Result<std::byte*> pointer_in(long answer) noexcept {
  const Error error = error_in(answer);
  return error ? Result<std::byte*>::failure(error)
               : Result<std::byte*>::success(reinterpret_cast<std::byte*>(answer));
}

}  // namespace basalt::raw
