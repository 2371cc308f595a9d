#include "fatal.hpp"

#include <cstdlib>

#include "raw_os.hpp"

namespace basalt {

void warn(const Text& sentence) noexcept {
  Text line = sentence;
  line.end_line();
  RawOs::write(2, line.data(), line.size());
}

void fatal(const Text& sentence) noexcept {
  warn(sentence);
  std::abort();
}

}  // namespace basalt
