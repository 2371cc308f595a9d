#include "report.hpp"

#include "fatal.hpp"
#include "raw_os.hpp"

namespace basalt {

// A thread that comes here again is in a handler of a signal; its first report ends where it was. No system call is needed to know it.
Report::Report() noexcept {
  const pthread_t self = pthread_self();
  pthread_t first{};
  if (whose_.compare_exchange_strong(first, self, std::memory_order_relaxed, std::memory_order_relaxed))
    return;
  if (pthread_equal(first, self) != 0 || dying()) return;
  for (;;) RawOs::yield();
}

std::size_t Report::written() noexcept {
  const std::size_t size = text_.finish();
  return size < sizeof buffer_ ? size : sizeof buffer_ - 1;
}

Report& Report::say() noexcept {
  const std::size_t size = written();
  RawOs::write(2, buffer_ + said_, size - said_);
  said_ = size;
  return *this;
}

Report& Report::add(const char* what, const Stack& stack) noexcept {
  text_ << "  " << what << " in thread " << std::size_t{stack.thread} << ":\n";
  for (Module& module : modules_) module = {};
  find_modules(stack.calls, stack.count, modules_);
  std::size_t number = 0;
  for (std::size_t i = 0; i < stack.count; ++i) {
    const Module& module = modules_[i];
    if (number == 0 && module.ours()) continue;
    text_ << "    #" << number++ << " " << reinterpret_cast<const void*>(stack.calls[i]);
    if (module.file[0] != '\0')
      text_ << " " << module.file << "+" << reinterpret_cast<const void*>(module.offset);
    text_ << "\n";
  }
  return *this;
}

void Report::end() noexcept { fatal(buffer_, written(), said_); }

void end_report(Report& report, Noticed when, const char* next) noexcept {
  report.say();
  Stack now;
  now.capture();
  report.add(when == Noticed::at_once ? "noticed at once" : "noticed some time later", now)
      << "  next: " << next
      << ";\n  addr2line -Cfie FILE OFFSET names the line of a FILE+OFFSET; BASALT_GUARD=100 in the "
         "environment "
         "guards many\n  blocks, and tells where those were allocated and freed\n";
  report.end();
}

}  // namespace basalt
