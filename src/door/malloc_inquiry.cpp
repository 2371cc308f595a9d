// The doors that ask about the heap and tend it: mallinfo and its kin.
#include <malloc.h>
#include <stdio.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "../base/compiler.hpp"
#include "kitchen.hpp"

using basalt::HeapStats;
using basalt::door::kitchen;

namespace {

[[nodiscard]] struct mallinfo2 as_mallinfo2(const HeapStats& stats) noexcept {
  struct mallinfo2 info {};
  info.arena = stats.live_bytes + stats.free_bytes;
  info.ordblks = stats.free_blocks;
  info.uordblks = stats.live_bytes;
  info.fordblks = stats.free_bytes;
  return info;
}

// The old form has ints, which overflow at 2 GiB: that is why there is a second. What does not fit is reported as
// the most that does.
[[nodiscard]] struct mallinfo as_mallinfo(const HeapStats& stats) noexcept {
  const struct mallinfo2 wide = as_mallinfo2(stats);
  const auto narrow = [](std::size_t value) {
    return static_cast<int>(std::min(value, static_cast<std::size_t>(INT_MAX)));
  };
  struct mallinfo info {};
  info.arena = narrow(wide.arena);
  info.ordblks = narrow(wide.ordblks);
  info.uordblks = narrow(wide.uordblks);
  info.fordblks = narrow(wide.fordblks);
  return info;
}

}  // namespace

extern "C" {

BASALT_DOOR struct mallinfo2 mallinfo2(void) noexcept { return as_mallinfo2(kitchen.stats()); }

BASALT_DOOR struct mallinfo mallinfo(void) noexcept { return as_mallinfo(kitchen.stats()); }

// No parameter of glibc's allocator means anything to ours; 1 says that the wish was heard, as for an unknown
// one.
BASALT_DOOR int mallopt(int, int) noexcept { return 1; }

BASALT_DOOR int malloc_trim(size_t) noexcept { return kitchen.trim() ? 1 : 0; }

BASALT_DOOR int malloc_info(int options, FILE* stream) noexcept {
  if (options != 0) return EINVAL;
  const HeapStats stats = kitchen.stats();
  fprintf(stream,
          "<malloc version=\"%s\">\n"
          "<heap nr=\"0\">\n"
          "<total type=\"free\" count=\"%zu\" size=\"%zu\"/>\n"
          "<total type=\"live\" count=\"%zu\" size=\"%zu\"/>\n"
          "<system type=\"current\" size=\"%zu\"/>\n"
          "</heap>\n"
          "</malloc>\n",
          basalt::door::kitchen_name, stats.free_blocks, stats.free_bytes,
          stats.allocations - stats.deallocations, stats.live_bytes, stats.live_bytes + stats.free_bytes);
  return 0;
}

BASALT_DOOR void malloc_stats(void) noexcept {
  const HeapStats stats = kitchen.stats();
  fprintf(stderr,
          "%s: %zu bytes live in %zu blocks, %zu bytes free in %zu blocks, %zu bytes from the system\n",
          basalt::door::kitchen_name, stats.live_bytes, stats.allocations - stats.deallocations,
          stats.free_bytes, stats.free_blocks, stats.live_bytes + stats.free_bytes);
}

// Where glibc has them.
#if defined(__GLIBC__)
BASALT_DOOR struct mallinfo __libc_mallinfo(void) noexcept { return as_mallinfo(kitchen.stats()); }
BASALT_DOOR int __libc_mallopt(int, int) noexcept { return 1; }
#endif

}  // extern "C"
