#include "entropy.hpp"

#include <sys/auxv.h>

#include <cstring>

#include "stack.hpp"
#include "start.hpp"
#include "ticks.hpp"

namespace basalt {

std::uint64_t process_entropy() noexcept {
  const auto* const bytes =
      libc_up() ? reinterpret_cast<const unsigned char*>(::getauxval(AT_RANDOM)) : nullptr;
  if (bytes == nullptr) return 0;
  std::uint64_t words[2];
  std::memcpy(words, bytes, sizeof words);
  return mixed_bits(words[0]) ^ words[1];  // libc takes its own keys from these: ours must not tell them
}

std::uint64_t child_entropy() noexcept { return mixed_bits(ticks() ^ mixed_bits(thread_number())); }

}  // namespace basalt
