// The tour of docs/tour-engine.md as it really goes: a heap of the engine and the space it lives in, with the numbers that
// each step leaves behind.
//
// These are the engine's own parts. Only the glue that the doors bring, which thread has which heap, is left out.
#include <cstdio>
#include <cstring>

#include "engine/heap.hpp"
#include "engine/heap_pool.hpp"
#include "engine/large.hpp"
#include "platform/raw_os.hpp"

namespace {

using namespace basalt;
using namespace basalt::engine;

// The operating system, which says aloud what it is asked for on behalf of blocks.
struct System : RawOs {
  static Result<std::byte*> map_at(std::byte* at, std::size_t bytes) noexcept {
    const Result<std::byte*> result = RawOs::map_at(at, bytes);
    if (result.ok()) std::printf("    system    maps %zu bytes\n", bytes);
    return result;
  }
  static Error unmap(Range range) noexcept {
    if (laid_out()) std::printf("    system    takes %zu bytes back, and the addresses\n", range.size);
    return RawOs::unmap(range);
  }
  static Error decommit(Range range) noexcept {
    std::printf("    system    takes %zu bytes back, the addresses stay\n", range.size);
    return RawOs::decommit(range);
  }

 private:
  static bool laid_out() noexcept;  // what is unmapped before that is no block
};

constinit Space<System> space;
bool System::laid_out() noexcept { return space.laid_out(); }

constinit HeapPool<System> pool;
Heap<System>* heap = nullptr;

// A block is shown as the number of its slice, and of its slot there.
void tell_block(const char* step, const void* block) {
  const std::size_t slice = space.slice_of(block);
  const Span& span = space.span_of(slice);
  const std::size_t offset = address_of(block) - address_of(span.begin);
  std::printf("    %-9s slice %zu, slot %u at %zu\n", step, slice, span.slot_of(offset), offset);
}

void tell_map(std::size_t first, unsigned count) {
  std::printf("    map      ");
  for (unsigned i = 0; i < count; ++i) std::printf(" %08x", space.entry(first + i));
  std::printf("   from slice %zu\n", first);
}

void tell_span(const void* block) {
  const Span& span = space.span_of(space.slice_of(block));
  std::printf("    span      %u slots of %u bytes in %u %s, %u free, inverse %08x\n", span.slots,
              span.slot_size, span.slices, span.slices == 1 ? "slice" : "slices", span.free_count,
              span.inverse);
  std::printf("    free     ");
  for (unsigned w = 0; w * 64 < span.slots; ++w)
    std::printf(" %016llx", static_cast<unsigned long long>(span.free[w]));
  std::printf("\n");
}

// The slots in a bin, from the base to the top, by their numbers.
void tell_bin(SizeClass c) {
  const auto& bin = heap->bins[c];
  std::printf("    bin       %zu of %zu:", bin.held(), bin.capacity());
  for (std::size_t i = 0; i < bin.held(); ++i) {
    const auto* const slot = static_cast<const std::byte*>(bin.base()[i]);
    const Span& span = space.span_of(space.slice_of(slot));
    std::printf(" %u", span.slot_of(address_of(slot) - address_of(span.begin)));
  }
  std::printf("\n");
}

void tell_memory() {
  std::printf("    memory    %zu in use, %zu dirty, %zu mapped\n\n", space.used_bytes(), space.dirty_bytes(),
              space.mapped_bytes());
}

void* allocate(const char* name, std::size_t size) {
  std::printf("%s = malloc(%zu)\n", name, size);
  void* block = nullptr;
  const SizeClass c = class_of(size);
  if (heap->allocate(size, block)) {
    std::printf("    short     class %u, popped\n", c);
  } else {
    std::printf("    slow      class %u of %zu bytes, the bin is empty\n", c, slot_bytes(c));
    block = heap->refill(c);
    heap->window = space.window();
  }
  tell_block("answer", block);
  tell_bin(c);
  return block;
}

void release(const char* name, void* block) {
  std::printf("free(%s)\n", name);
  const MapEntry entry = space.entry_of(block);
  std::printf("    map       %08x, our tag %08x: what is left is %02x\n", entry, heap->tag,
              entry ^ heap->tag);
  if (heap->free(block)) {
    std::printf("    short     pushed\n");
  } else {
    std::printf("    slow      the bin is full\n");
    heap->make_room(static_cast<SizeClass>(entry ^ heap->tag));
    (void)heap->free(block);
  }
  tell_bin(static_cast<SizeClass>(entry ^ heap->tag));
}

// Blocks of 100 bytes: the first malloc, the second, and a free.
void small_blocks() {
  void* const a = allocate("a", 100);
  tell_span(a);
  tell_map(space.slice_of(a), 2);
  tell_memory();
  void* const b = allocate("b", 100);
  std::printf("\n");
  release("a", a);
  release("b", b);
  tell_span(b);
  std::printf("\n");
}

// So many blocks that the bin overflows when they come back.
void refill_and_flush() {
  const SizeClass c = class_of(8000);
  std::printf("12 blocks of 8000 bytes\n");
  void* blocks[12];
  for (void*& block : blocks) {
    if (heap->allocate(8000, block)) continue;
    block = heap->refill(c);
    std::printf("    refill    slot %zu of slice %zu is the answer\n",
                (address_of(block) - address_of(space.span_of(space.slice_of(block)).begin)) / slot_bytes(c),
                space.slice_of(block));
    tell_bin(c);
  }
  tell_span(blocks[11]);
  std::printf("\nfree all 12\n");
  for (void* const block : blocks) {
    if (heap->free(block)) continue;
    heap->make_room(c);
    std::printf("    make room\n");
    tell_bin(c);
    (void)heap->free(block);
  }
  tell_bin(c);
  tell_span(blocks[0]);
  tell_memory();
}

void large_block() {
  std::printf("d = malloc(100000)\n");
  LargeBlocks<System> large{space};
  void* const d = large.allocate(100'000, 16);
  std::printf("    answer    slice %zu, and %zu bytes may be used\n", space.slice_of(d),
              large.usable_size(space.slice_of(d), space.entry_of(d)));
  tell_map(space.slice_of(d), 8);
  tell_memory();
  std::printf("free(d)\n");
  std::memset(d, 1, 100'000);
  (void)large.free(d, space.slice_of(d), space.entry_of(d));
  tell_map(space.slice_of(d), 8);
  tell_memory();
}

void huge_block() {
  std::printf("e = malloc(5000000)\n");
  LargeBlocks<System> large{space};
  void* const e = large.allocate(5'000'000, 16);
  std::printf("    answer    slice %zu, the first of chunk %zu\n", space.slice_of(e),
              space.slice_of(e) / slices_per_chunk);
  tell_map(space.slice_of(e), 3);
  tell_memory();
  std::printf("free(e)\n");
  (void)large.free(e, space.slice_of(e), space.entry_of(e));
  tell_map(space.slice_of(e), 3);
  tell_memory();
}

void purge() {
  std::printf("purge\n");
  heap->flush();
  tell_memory();
  std::printf("    went      %zu bytes\n", space.purge());
  tell_memory();
}

}  // namespace

int main() {
  HeapFront nobodys;
  void* block = nullptr;
  std::printf("before\n    nobody's  malloc(100) %s\n\n",
              nobodys.allocate(100, block) ? "served" : "is for the slow path");
  if (!space.ready() || (heap = pool.take(space)) == nullptr) return 1;
  std::printf("    heap      %u, its tag is %08x\n\n", heap->id, heap->tag);
  heap->window = space.window();
  small_blocks();
  refill_and_flush();
  large_block();
  huge_block();
  purge();
  return space.broken_law() == nullptr ? 0 : 1;
}
