// Whether this process is to be recorded, and for whom: BASALT_RECORD names the folder, as `basalt record` sets it.
#include <stdlib.h>

#include <cstdint>

#include "../platform/shared_file.hpp"
#include "kitchen.hpp"

namespace basalt::door {

namespace {

[[nodiscard]] std::uint32_t number_in(const char* name) noexcept {
  const char* const text = ::secure_getenv(name);
  std::uint32_t number = 0;
  for (const char* at = text; at != nullptr && *at >= '0' && *at <= '9'; ++at)
    number = number * 10 + static_cast<std::uint32_t>(*at - '0');
  return number;
}

}  // namespace

// Without the wish for children it is one process that is meant, and whatever that executes.
void begin_recording() noexcept {
  const char* const folder = ::secure_getenv("BASALT_RECORD");
  const std::uint32_t wishes = number_in("BASALT_RECORD_WISHES");
  const bool all = (wishes & static_cast<std::uint32_t>(observe::Wish::children)) != 0;
  if (folder == nullptr || !(all || number_in("BASALT_RECORD_PID") == process_number())) return;
  kitchen.recorder().begin(folder, wishes);
}

}  // namespace basalt::door
