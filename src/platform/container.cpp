#include "container.hpp"

#include <fcntl.h>

#include <algorithm>
#include <bit>

#include "../base/bits.hpp"
#include "../base/buffer_text.hpp"
#include "system_call.hpp"

namespace basalt {

namespace {

constexpr std::size_t no_number = SIZE_MAX;

// Returns: how many bytes of the file's beginning are in `buffer` now, with a 0 behind them; 0 if it cannot be read.
[[nodiscard]] std::size_t read_beginning(const char* path, char* buffer, std::size_t size) noexcept {
  using raw::Call;
  const long file = raw::system_call(Call::openat, static_cast<std::uintptr_t>(AT_FDCWD), address_of(path),
                                     O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (raw::error_in(file)) return 0;
  const long got =
      raw::system_call(Call::read, static_cast<std::uintptr_t>(file), address_of(buffer), size - 1);
  raw::system_call(Call::close, static_cast<std::uintptr_t>(file));
  const std::size_t length = raw::error_in(got) ? 0 : static_cast<std::size_t>(got);
  buffer[length] = '\0';
  return length;
}

// Returns: the number that `text` begins with, `text` then being behind it; no_number for `max`, -1 and all else.
[[nodiscard]] std::size_t take_number(const char*& text) noexcept {
  while (*text == ' ') ++text;
  if (*text < '0' || *text > '9') return no_number;
  std::size_t number = 0;
  for (; *text >= '0' && *text <= '9'; ++text)
    number = add_saturating(multiply_saturating(number, 10), static_cast<std::size_t>(*text - '0'));
  return number;
}

// A group in one hierarchy. `directory` begins with / or is empty, which is the root.
struct Group {
  const char* root;
  const char* mount;
  char* directory;
};

struct Numbers {
  std::size_t first = no_number;
  std::size_t second = no_number;
};

[[nodiscard]] Numbers numbers_in(const Group& group, const char* name) noexcept {
  char path[1024];
  BufferText text{path, sizeof path};
  text << group.root << "/sys/fs/cgroup" << group.mount << group.directory << "/" << name;
  char content[64];
  if (text.finish() >= sizeof path || read_beginning(path, content, sizeof content) == 0) return {};
  const char* at = content;
  const std::size_t first = take_number(at);
  return {first, take_number(at)};
}

// Effects: calls `look` for the group and all those that it is part of.
template <class Look>
void each_level(const Group& group, Look&& look) noexcept {
  for (;;) {
    std::size_t length = 0;
    while (group.directory[length] != '\0') ++length;
    while (length != 0 && group.directory[length - 1] == '/') --length;
    group.directory[length] = '\0';
    look();
    if (length == 0) return;
    while (length != 0 && group.directory[length - 1] != '/') --length;
    group.directory[length] = '\0';
  }
}

// Version 1 says that there is no limit by a number that is nearly as large as can be.
void limit_memory(Allowance& allowance, std::size_t bytes) noexcept {
  if (bytes < max_request / 2) allowance.memory = std::min(allowance.memory, bytes);
}

void limit_processors(Allowance& allowance, Numbers quota_and_period) noexcept {
  const auto [quota, period] = quota_and_period;
  if (quota == no_number || period == no_number || period == 0) return;
  const std::size_t whole = std::max<std::size_t>(quota / period + (quota % period != 0 ? 1 : 0), 1);
  allowance.processors = allowance.processors == 0 ? whole : std::min(allowance.processors, whole);
}

// Returns: whether `word` is one of those in `list`, which commas separate.
[[nodiscard]] bool lists(const char* list, const char* word) noexcept {
  for (;; ++list) {
    const char* w = word;
    while (*w != '\0' && *list == *w) ++list, ++w;
    if (*w == '\0' && (*list == ',' || *list == '\0')) return true;
    while (*list != ',' && *list != '\0') ++list;
    if (*list == '\0') return false;
  }
}

void take_version_2(const Group& group, Allowance& allowance) noexcept {
  each_level(group, [&] {
    limit_memory(allowance, numbers_in(group, "memory.max").first);
    limit_memory(allowance, numbers_in(group, "memory.high").first);
    limit_processors(allowance, numbers_in(group, "cpu.max"));
  });
}

void take_version_1(const Group& group, const char* controllers, Allowance& allowance) noexcept {
  const bool memory = lists(controllers, "memory");
  const bool processors = lists(controllers, "cpu");
  each_level(group, [&] {
    if (memory) limit_memory(allowance, numbers_in(group, "memory.limit_in_bytes").first);
    const std::size_t quota = processors ? numbers_in(group, "cpu.cfs_quota_us").first : no_number;
    if (quota != no_number)
      limit_processors(allowance, {quota, numbers_in(group, "cpu.cfs_period_us").first});
  });
}

// Effects: takes in the limits of one line of /proc/self/cgroup, ID:CONTROLLERS:DIRECTORY. Without controllers it is that of
// version 2, which has all that matter here.
void take_line(const char* root, char* line, Allowance& allowance) noexcept {
  while (*line != ':' && *line != '\0') ++line;
  if (*line == '\0') return;
  const char* const controllers = ++line;
  while (*line != ':' && *line != '\0') ++line;
  if (*line == '\0') return;
  *line++ = '\0';
  if (*controllers == '\0') return take_version_2({root, "", line}, allowance);
  if (lists(controllers, "memory")) {
    take_version_1({root, "/memory", line}, controllers, allowance);
  } else if (lists(controllers, "cpu")) {
    take_version_1({root, "/cpu", line}, controllers, allowance);
  }
}

[[nodiscard]] std::size_t processors_to_run_on() noexcept {
  std::uint64_t mask[128] = {};  // 8192 processors: the kernel wants room for as many as there could be
  const long bytes = raw::system_call(raw::Call::sched_getaffinity, 0, sizeof mask, address_of(mask));
  if (raw::error_in(bytes)) return 0;
  std::size_t count = 0;
  for (const std::uint64_t word : mask) count += static_cast<std::size_t>(std::popcount(word));
  return count;
}

}  // namespace

Allowance control_group_allowance(const char* root) noexcept {
  Allowance allowance;
  char path[256];
  BufferText text{path, sizeof path};
  text << root << "/proc/self/cgroup";
  char content[2048];
  if (text.finish() >= sizeof path || read_beginning(path, content, sizeof content) == 0) return allowance;
  for (char* line = content; *line != '\0';) {
    char* end = line;
    while (*end != '\n' && *end != '\0') ++end;
    const bool last = *end == '\0';
    *end = '\0';
    take_line(root, line, allowance);
    line = last ? end : end + 1;
  }
  return allowance;
}

Allowance allowance() noexcept {
  Allowance all = control_group_allowance();
  const std::size_t processors = processors_to_run_on();
  const bool fewer = all.processors == 0 || (processors != 0 && processors < all.processors);
  if (fewer) all.processors = processors;
  return all;
}

}  // namespace basalt
