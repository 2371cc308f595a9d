// How a free finds its way home across threads, one step at a time: docs/how-a-free-comes-home.md.
//
// Two heaps stand for two threads, and one thread plays both, so that every run goes the same way. The parts are the
// engine's own.
#include <cstdio>

#include "engine/heap.hpp"
#include "engine/heap_pool.hpp"
#include "platform/raw_os.hpp"

namespace {

using namespace basalt;
using namespace basalt::engine;

constinit Space<RawOs> space;
constinit HeapPool<RawOs> pool;
Heap<RawOs>* owner = nullptr;
Heap<RawOs>* freer = nullptr;

constexpr std::size_t size = 2000;  // bytes: eight slots make a span
constexpr SizeClass c = class_of(size);
constexpr unsigned slots = span_slices(c) * slice_bytes / slot_bytes(c);
void* blocks[slots];

const char* name_of(SpanState state) {
  switch (state) {
    case SpanState::attached:
      return "attached";
    case SpanState::full:
      return "full";
    case SpanState::returned:
      return "returned";
  }
  return "?";
}

void tell(const char* who, const char* what) {
  const Span& span = space.span_of(space.slice_of(blocks[0]));
  std::printf("    %-7s %-24s %-9s free %02llx  remote %02llx\n", who, what, name_of(span.remote.state()),
              static_cast<unsigned long long>(span.free[0]),
              static_cast<unsigned long long>(span.remote.bits(0)));
}

// The owner hands out every slot of the span.
void hand_out() {
  std::printf("the owner allocates %u blocks\n", slots);
  for (void*& block : blocks) {
    if (owner->allocate(size, block)) continue;
    block = owner->refill(c);
    tell("owner", "refills its bin");
  }
  std::printf("\n");
}

// What a thread does with a block that is not its own.
void free_remotely(void* block) {
  Span& span = space.span_of(space.slice_of(block));
  const MapEntry entry = space.entry_of(block);
  std::printf("the freer frees slot %zu\n", (address_of(block) - address_of(span.begin)) / slot_bytes(c));
  if (freer->free(block)) return;
  std::printf("    entry %08x, tag %08x: %x is no class, so it is not for the bin\n", entry, freer->tag,
              entry ^ freer->tag);
  freer->outbox.add(static_cast<std::byte*>(block), span, slot_bytes(c));
  tell("freer", "puts it in its outbox");
}

void send() {
  std::printf("the outbox is sent\n");
  freer->outbox.send(
      [](HeapId home, Span& full) {
        tell("freer", "was the first: announces");
        pool.heap(home).supply.announce(full);
      },
      [](HeapId, std::size_t) {});
  tell("freer", "is done");
  std::printf("\n");
}

void collect() {
  std::printf("the owner allocates again\n");
  void* block = nullptr;
  if (!owner->allocate(size, block)) block = owner->refill(c);
  tell("owner", "took the inbox");
  std::printf("    the answer is slot %zu\n",
              (address_of(block) - address_of(space.span_of(space.slice_of(block)).begin)) / slot_bytes(c));
}

}  // namespace

int main() {
  if (!space.ready()) return 1;
  owner = pool.take(space);
  freer = pool.take(space);
  if (owner == nullptr || freer == nullptr) return 1;
  owner->window = space.window();
  freer->window = space.window();
  hand_out();
  for (const unsigned i : {1U, 2U, 5U}) free_remotely(blocks[i]);
  send();
  free_remotely(blocks[6]);
  send();
  collect();
  return space.broken_law() == nullptr ? 0 : 1;
}
