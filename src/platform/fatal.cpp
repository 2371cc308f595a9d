#include "fatal.hpp"

#include <pthread.h>

#include <atomic>
#include <csignal>
#include <cstdlib>

#include "raw_os.hpp"

namespace basalt {

namespace {

// Who dies. Relaxed: a thread can only find itself here, and it wrote that itself.
constinit std::atomic<pthread_t> the_dying{pthread_t{}};

}  // namespace

void warn(const Text& sentence) noexcept {
  Text line = sentence;
  line.end_line();
  RawOs::write(2, line.data(), line.size());
}

void fatal(const Text& sentence) noexcept {
  warn(sentence);
  // A handler that comes here again has had its chance: abort(3) would only call it once more.
  if (dying()) std::signal(SIGABRT, SIG_DFL);
  the_dying.store(pthread_self(), std::memory_order_relaxed);
  std::abort();
}

bool dying() noexcept {
  const pthread_t dying = the_dying.load(std::memory_order_relaxed);
  return dying != pthread_t{} && pthread_equal(dying, pthread_self()) != 0;
}

}  // namespace basalt
