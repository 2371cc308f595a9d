// Heaps as objects, and the memory handler, in plain C: see include/basalt/basalt.h for what each function promises.
#include <basalt/basalt.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "../base/bits.hpp"
#include "../base/compiler.hpp"
#include "../platform/bytes.hpp"
#include "first_use.hpp"
#include "kitchen.hpp"

using basalt::door::kitchen;

namespace {

constexpr std::size_t natural = 16;

static_assert(sizeof(basalt_heap_figures::name) ==
              basalt::engine::HeapObject<basalt::RawOs>::longest_name + 1);

void* refuse(int reason) noexcept {
  errno = reason;
  return nullptr;
}

void* allocate(basalt_heap* heap, size_t size, size_t alignment) noexcept {
  void* const block = kitchen.objects().allocate(heap, size, alignment);
  return block == nullptr ? refuse(ENOMEM) : block;
}

// 0 is no limit to C, and the largest size to the engine.
constexpr size_t limit_of(size_t bytes) noexcept { return bytes == 0 ? SIZE_MAX : bytes; }

}  // namespace

extern "C" {

BASALT_DOOR basalt_memory_handler basalt_set_memory_handler(basalt_memory_handler handler) {
  return kitchen.set_memory_handler(handler);
}

BASALT_DOOR basalt_heap* basalt_heap_create(const struct basalt_heap_options* options) {
  basalt::door::enter();
  basalt::engine::HeapTerms terms;
  if (options != nullptr) terms = {options->name, limit_of(options->limit), options->full, options->context};
  basalt_heap* const heap = kitchen.create_heap(terms);
  if (heap == nullptr) errno = ENOMEM;
  return heap;
}

BASALT_DOOR void basalt_heap_destroy(basalt_heap* heap) { kitchen.objects().destroy(heap); }

BASALT_DOOR void* basalt_heap_malloc(basalt_heap* heap, size_t size) { return allocate(heap, size, natural); }

BASALT_DOOR void* basalt_heap_calloc(basalt_heap* heap, size_t count, size_t size) {
  const size_t bytes = basalt::multiply_saturating(count, size);
  void* const block = allocate(heap, bytes, natural);
  if (block != nullptr) basalt::clear_bytes(block, bytes);
  return block;
}

BASALT_DOOR void* basalt_heap_realloc(basalt_heap* heap, void* p, size_t size) {
  if (p == nullptr) return basalt_heap_malloc(heap, size);
  if (size == 0) {
    kitchen.free_in(heap, p, "basalt_heap_realloc");
    return nullptr;
  }
  void* const block = kitchen.reallocate_in(heap, p, size, "basalt_heap_realloc");
  return block == nullptr ? refuse(ENOMEM) : block;
}

BASALT_DOOR void* basalt_heap_aligned_alloc(basalt_heap* heap, size_t alignment, size_t size) {
  return basalt::is_power_of_two(alignment) ? allocate(heap, size, alignment) : refuse(EINVAL);
}

BASALT_DOOR void basalt_heap_free(basalt_heap* heap, void* p) {
  if (p != nullptr) kitchen.free_in(heap, p, "basalt_heap_free");
}

BASALT_DOOR basalt_heap* basalt_heap_of(const void* p) { return kitchen.heap_of(p); }

BASALT_DOOR void basalt_heap_limit(basalt_heap* heap, size_t bytes) {
  kitchen.objects().with(heap, [bytes](auto& object) { object.limit(limit_of(bytes)); });
}

BASALT_DOOR void basalt_heap_inspect(basalt_heap* heap, struct basalt_heap_figures* out) {
  kitchen.objects().with(heap, [out](const auto& object) {
    const basalt::engine::HeapFigures& figures = object.figures();
    std::memcpy(out->name, object.name(), sizeof out->name);
    out->live_blocks = figures.live_blocks;
    out->live_bytes = figures.live_bytes;
    out->mapped_bytes = figures.mapped_bytes;
    out->peak_mapped_bytes = figures.peak_mapped_bytes;
    out->limit = figures.limit_bytes == SIZE_MAX ? 0 : figures.limit_bytes;
  });
}

BASALT_DOOR size_t basalt_heap_classes(basalt_heap* heap, struct basalt_heap_class* out, size_t most) {
  basalt::engine::SpanFigures figures[basalt::engine::class_count];
  kitchen.objects().with(heap, [&figures](const auto& object) {
    object.each_span([&figures](const auto& span) { figures[span.size_class].add(span, 0); });
  });
  size_t found = 0;
  for (unsigned c = 0; c < basalt::engine::class_count; ++c) {
    if (figures[c].spans == 0) continue;
    const size_t slot = basalt::engine::slot_bytes(c);
    if (found < most) out[found] = {slot, figures[c].live / slot, figures[c].bytes};
    ++found;
  }
  return found;
}

}  // extern "C"
