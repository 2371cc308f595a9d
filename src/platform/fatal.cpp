#include "fatal.hpp"

#include <pthread.h>

#include <atomic>
#include <csignal>
#include <cstdlib>

#include "../base/published.hpp"
#include "raw_os.hpp"

namespace basalt {

namespace {

// Who dies. Relaxed: a thread can only find itself here, and it wrote that itself.
constinit std::atomic<pthread_t> the_dying{pthread_t{}};

constinit Published<HearLastWords> heir;

}  // namespace

void warn(const Text& sentence) noexcept {
  Text line = sentence;
  line.end_line();
  RawOs::write(2, line.data(), line.size());
}

HearLastWords set_last_words_handler(HearLastWords handler) noexcept { return heir.swap(handler); }

void fatal(const Text& sentence) noexcept {
  Text line = sentence;
  line.end_line();
  fatal(line.c_str(), line.size());
}

void fatal(const char* report, std::size_t size, std::size_t said) noexcept {
  RawOs::write(2, report + said, size - said);
  // A handler that comes here again has had its chance: abort(3) would only call it once more.
  const bool again = dying();
  if (again) std::signal(SIGABRT, SIG_DFL);
  the_dying.store(pthread_self(), std::memory_order_relaxed);
  const HearLastWords handler = heir.get();
  if (handler != nullptr && !again) handler(report);
  std::abort();
}

bool dying() noexcept {
  const pthread_t dying = the_dying.load(std::memory_order_relaxed);
  return dying != pthread_t{} && pthread_equal(dying, pthread_self()) != 0;
}

}  // namespace basalt
