// What a thread does while it waits for another.
#pragma once

#include "raw_os.hpp"

namespace basalt {

// Tells the processor that this is a waiting loop.
inline void cpu_relax() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// A few looks at full speed, since most critical sections are short; after that the holder has probably lost
// its processor, and so do we.
class Backoff {
 public:
  void pause() noexcept {
    if (looks_ < patience) {
      ++looks_;
      cpu_relax();
    } else {
      RawOs::yield();
    }
  }

 private:
  static constexpr unsigned patience = 64;
  unsigned looks_ = 0;
};

}  // namespace basalt
