// Plain C: see include/basalt/basalt.h for what each function promises.
#include <basalt/basalt.h>

#include <stdlib.h>

#include "../base/compiler.hpp"
#include "../platform/fatal.hpp"
#include "kitchen.hpp"
#include "malloc_family.hpp"

using basalt::door::kitchen;

namespace {

using Family = basalt::door::MallocFamily<basalt::door::kitchen>;

}  // namespace

extern "C" {

BASALT_DOOR const char* basalt_version() { return "0.1.0"; }
BASALT_DOOR const char* basalt_name() { return basalt::door::kitchen_name; }

BASALT_DOOR int basalt_is_active() {
  void* volatile probe = ::malloc(1);  // volatile: the compiler must not see that the block is unused
  const int ours = kitchen.owns(probe) ? 1 : 0;
  ::free(probe);
  return ours;
}

BASALT_DOOR void* basalt_malloc(size_t size) { return Family::malloc(size); }
BASALT_DOOR void* basalt_calloc(size_t count, size_t size) { return Family::calloc(count, size); }
BASALT_DOOR void* basalt_realloc(void* p, size_t size) { return Family::realloc(p, size); }
BASALT_DOOR void* basalt_aligned_alloc(size_t alignment, size_t size) {
  return Family::aligned_alloc(alignment, size);
}
BASALT_DOOR void basalt_free(void* p) { Family::free(p); }
BASALT_DOOR size_t basalt_usable_size(const void* p) { return Family::usable_size(p); }
BASALT_DOOR int basalt_owns(const void* p) { return kitchen.owns(p) ? 1 : 0; }
BASALT_DOOR int basalt_trim() { return kitchen.trim() ? 1 : 0; }

BASALT_DOOR void basalt_stats(struct basalt_heap_stats* out) {
  const basalt::HeapStats stats = kitchen.stats();
  out->allocations = stats.allocations;
  out->deallocations = stats.deallocations;
  out->live_bytes = stats.live_bytes;
  out->peak_live_bytes = stats.peak_live_bytes;
  out->free_bytes = stats.free_bytes;
  out->free_blocks = stats.free_blocks;
  out->largest_free_bytes = stats.largest_free_bytes;
  out->grown_bytes = stats.grown_bytes;
  out->given_back_bytes = stats.given_back_bytes;
}

BASALT_DOOR basalt_error_handler basalt_set_error_handler(basalt_error_handler handler) {
  return basalt::set_last_words_handler(handler);
}

BASALT_DOOR const char* basalt_validate() { return kitchen.broken_law(); }

}  // extern "C"
