#include "entropy.hpp"

#include <sys/auxv.h>

#include <cstring>

#include "../base/range.hpp"
#include "stack.hpp"
#include "start.hpp"
#include "ticks.hpp"

namespace basalt {

// libc has the vector before it relocates anything: so this is not to wait until libc is up. The first request of a C++ program comes
// before that, and what it draws stays.
std::uint64_t process_entropy() noexcept {
  std::uint64_t words[2];
  const auto* const bytes =
      relocated() ? reinterpret_cast<const unsigned char*>(::getauxval(AT_RANDOM)) : nullptr;
  if (bytes == nullptr) return mixed_bits(ticks() ^ mixed_bits(address_of(&words)));
  std::memcpy(words, bytes, sizeof words);
  return mixed_bits(words[0]) ^ words[1];  // libc takes its own keys from these: ours must not tell them
}

std::uint64_t child_entropy() noexcept { return mixed_bits(ticks() ^ mixed_bits(thread_number())); }

}  // namespace basalt
