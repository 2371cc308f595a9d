// What a thread does while it waits for another.
#pragma once

#include "../base/compiler.hpp"
#include "raw_os.hpp"

namespace basalt {

// A few looks at full speed, since most critical sections are short; after that the holder has probably lost
// its processor, and so do we.
class Backoff {
 public:
  void pause() noexcept {
    if (looks_ < patience) {
      ++looks_;
      spin_hint();
    } else {
      RawOs::yield();
    }
  }

 private:
  static constexpr unsigned patience = 64;
  unsigned looks_ = 0;
};

}  // namespace basalt
