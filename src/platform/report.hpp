// What a process says of a misuse of memory before it ends: a sentence, and below it what else is known.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstddef>

#include "../base/bits.hpp"
#include "../base/buffer_text.hpp"
#include "modules.hpp"
#include "stack.hpp"

namespace basalt {

// One report, built in memory of its own: a handler of a signal may have a stack of a few KiB. It neither allocates nor waits
// for anything that the dying thread could hold.
class Report {
 public:
  // Effects: of several threads that have something to report, one goes on; the others stay here until the process ends.
  Report() noexcept;

  template <class Part>
  Report& operator<<(Part part) noexcept {
    text_ << part;
    return *this;
  }

  // Effects: what is there goes to standard error: what follows asks the system, and a filter of system calls may not have it.
  Report& say() noexcept;

  // Effects: adds a stack, the calls in libraries of Basalt's that it begins with left out.
  Report& add(const char* what, const Stack& stack) noexcept;

  // Effects: says the rest; and the process ends.
  [[noreturn]] void end() noexcept;

  // Effects: whose report it is, nobody knows any more: a forked child is without the thread that was at one.
  static void forget() noexcept { whose_.store(pthread_t{}, std::memory_order_relaxed); }

 private:
  static inline constinit std::atomic<pthread_t> whose_{pthread_t{}};  // at first nobody's
  static inline constinit char buffer_[16 * KiB] = {};                 // of that thread alone, as is this:
  static inline constinit Module modules_[Stack::most] = {};

  [[nodiscard]] std::size_t written() noexcept;

  BufferText text_{buffer_, sizeof buffer_};
  std::size_t said_ = 0;  // bytes
};

// How far behind the crime the report is.
enum class Noticed { at_once, late };

// Effects: the rest of most reports: where the calling thread is, and what to do next; and the process ends.
[[noreturn, gnu::cold]] void end_report(Report& report, Noticed when, const char* next) noexcept;

}  // namespace basalt
