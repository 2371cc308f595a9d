// The doors that ask about the heap and tend it: mallinfo and its kin.
#include <malloc.h>
#include <stdio.h>

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

}  // namespace

extern "C" {

BASALT_DOOR struct mallinfo2 mallinfo2(void) noexcept { return as_mallinfo2(kitchen.stats()); }

// The old form has ints, which overflow at 2 GiB: that is why there is a second.
BASALT_DOOR struct mallinfo mallinfo(void) noexcept {
  const struct mallinfo2 wide = as_mallinfo2(kitchen.stats());
  struct mallinfo info {};
  info.arena = static_cast<int>(wide.arena);
  info.ordblks = static_cast<int>(wide.ordblks);
  info.uordblks = static_cast<int>(wide.uordblks);
  info.fordblks = static_cast<int>(wide.fordblks);
  return info;
}

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

}  // extern "C"
