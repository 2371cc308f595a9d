// Remote frees under every schedule and every value that the memory model lets a load return.
//
// A span of a few slots, an owner and those who free from afar. What is in a slot is `Plain`: whoever holds a slot writes to
// it, so that a slot held by two, or handed on without an order, is a data race that the explorer reports.

#include <gtest/gtest.h>

#include "engine/remote.hpp"
#include "support/explored.hpp"

namespace basalt::engine {
namespace {

using explorer::Execution;
using explorer::ModelAtomics;
using explorer::Plain;
using explorer::require;
using explorer::Scenario;

constexpr HeapId owner_id = 7;
constexpr unsigned slots = 2;
constexpr std::uint64_t all_slots = (1U << slots) - 1;

struct Span {
  RemoteFrees<ModelAtomics, 1> remote;
  ModelAtomics::Atomic<Span*> inbox_next{nullptr};
  Plain<int> contents[slots];
  std::uint64_t free = 0;  // the owner's
  bool listed = false;     // the owner's
};

// A heap with one class and one or two spans; its steps are those of SpanSupply, without the lists.
struct Heap {
  Inbox<ModelAtomics, Span> inbox;
  Span span;
  Span other;

  // Effects: every slot of `s` is out, in somebody's hand.
  void hand_out(Span& s) {
    s.remote.begin(owner_id);
    s.listed = true;
    retire(s);
  }

  // A freer's: writes to the slots a last time and gives them back.
  std::uint64_t give(Span& s, std::uint64_t bits) {
    write(s, bits);
    const GivenBack given = s.remote.give(0, bits);
    if (given.announce) {
      require(given.owner == owner_id, "announced to a stranger");
      inbox.put(s);
    }
    return given.before & bits;
  }

  // The rest are the owner's.
  bool collect(Span& s) {
    const std::uint64_t bits = s.remote.collect(0);
    require((s.free & bits) == 0, "a slot came back twice");
    s.free |= bits;
    return bits != 0;
  }

  void retire(Span& s) {
    if (collect(s)) return;
    if (s.remote.leave()) {
      s.listed = false;
    } else {
      require(collect(s), "a span came back with nothing");
    }
  }

  void collect_inbox() {
    unsigned found = 0;
    for (Span* s = inbox.take_all(); s != nullptr;) {
      require(++found <= 2, "the inbox goes round in a circle");
      Span* const next = s->inbox_next.load(std::memory_order_relaxed);
      require(!s->listed, "a span is on the list and on the inbox");
      s->remote.arrive();
      s->listed = true;
      if (!collect(*s) && s->free == 0) retire(*s);
      s = next;
    }
  }

  // Returns: the slots of `s` that were free, now in the owner's hand; what it takes, it writes to.
  std::uint64_t take(Span& s) {
    if (!s.listed) collect_inbox();
    if (!s.listed) return 0;
    require(s.free != 0, "a span on the list has nothing to give");
    const std::uint64_t taken = s.free;
    write(s, taken);
    s.free = 0;
    retire(s);
    return taken;
  }

  // The owner frees slots itself.
  void put(Span& s, std::uint64_t bits) {
    write(s, bits);
    s.free |= bits;
    if (s.remote.state() == SpanState::full && s.remote.come_back()) s.listed = true;
  }

  bool release_if_empty(Span& s) {
    if (s.free != all_slots || s.remote.state() != SpanState::attached) return false;
    require(s.listed, "an attached span is on no list");
    s.remote.end();
    s.free = 0;
    s.listed = false;
    return true;
  }

  static void write(Span& s, std::uint64_t bits) {
    for (unsigned i = 0; i < slots; ++i) {
      if ((bits >> i & 1) != 0) s.contents[i].set(s.contents[i].get() + 1);
    }
  }

  // Everybody has gone: what `s` has, without what the owner still holds, must be within the owner's reach.
  void check(Span& s, std::uint64_t held) {
    require(s.remote.state() != SpanState::full || s.remote.bits(0) == 0,
            "a full span has slots nobody knows of");
    require(s.listed == (s.remote.state() == SpanState::attached), "an attached span is on no list");
    collect_inbox();
    require(s.remote.state() != SpanState::returned, "a returned span is not on the inbox");
    if (s.listed) {
      require(s.free != 0 || s.remote.bits(0) != 0, "a span on the list has nothing to give");
      collect(s);
    }
    require((s.free | held) == all_slots && (s.free & held) == 0, "a slot is lost");
  }
};

Heap& heap_of(Execution& run) {
  Heap& heap = run.make<Heap>();
  heap.hand_out(heap.span);
  return heap;
}

void two_freers(Execution& run) {
  Heap& heap = heap_of(run);
  run.threads([&] { heap.give(heap.span, 1); }, [&] { heap.give(heap.span, 2); });
  heap.check(heap.span, 0);
}

// The owner uses its last slot up while the other one comes home.
void retire_and_free(Execution& run) {
  Heap& heap = run.make<Heap>();
  heap.span.remote.begin(owner_id);
  heap.span.listed = true;
  heap.span.free = 1;
  run.threads([&] { require(heap.take(heap.span) != 0, "there was a slot"); },
              [&] { heap.give(heap.span, 2); });
  heap.check(heap.span, 1);
}

// As above, and the owner goes on: what it finds, it uses up again.
void use_up_again(Execution& run) {
  Heap& heap = heap_of(run);
  std::uint64_t held = 0;
  run.threads(
      [&] {
        held |= heap.take(heap.span);
        held |= heap.take(heap.span);
      },
      [&] { heap.give(heap.span, 1); }, [&] { heap.give(heap.span, 2); });
  heap.check(heap.span, held);
}

// One thread returns the span with the other's slot in it; the owner uses up both before the other has looked.
void slow_to_announce(Execution& run) {
  Heap& heap = heap_of(run);
  std::uint64_t held = 0;
  run.threads(
      [&] {
        held = heap.take(heap.span);
        heap.collect_inbox();
      },
      [&] { heap.give(heap.span, 1); }, [&] { heap.give(heap.span, 2); });
  heap.check(heap.span, held);
}

void owner_frees_too(Execution& run) {
  Heap& heap = heap_of(run);
  run.threads([&] { heap.put(heap.span, 1); }, [&] { heap.give(heap.span, 2); });
  heap.check(heap.span, 0);
}

// The last slot comes home, the owner releases the span, and its descriptor serves another: the freer is still there.
void release_and_reuse(Execution& run) {
  Heap& heap = heap_of(run);
  heap.put(heap.span, 1);
  bool released = false;
  run.threads(
      [&] {
        heap.collect(heap.span);
        released = heap.release_if_empty(heap.span);
        if (released) heap.hand_out(heap.span);
      },
      [&] { heap.give(heap.span, 2); });
  if (released) {
    require(heap.inbox.take_all() == nullptr, "a span of another generation is on the inbox");
    require(heap.span.remote.state() == SpanState::full, "a span of another generation has changed");
  } else {
    heap.check(heap.span, 0);
  }
}

// The same, from the inbox: a freer may have seen `full` in the old generation.
void release_from_the_inbox_and_reuse(Execution& run) {
  Heap& heap = heap_of(run);
  bool released = false;
  run.threads(
      [&] {
        heap.collect_inbox();
        released = heap.release_if_empty(heap.span);
        if (released) heap.hand_out(heap.span);
      },
      [&] { heap.give(heap.span, 1); }, [&] { heap.give(heap.span, 2); });
  if (!released) return heap.check(heap.span, 0);
  require(heap.inbox.take_all() == nullptr, "a span of another generation is on the inbox");
  require(heap.span.remote.state() == SpanState::full, "a span of another generation has changed");
}

void two_spans_on_one_inbox(Execution& run) {
  Heap& heap = heap_of(run);
  heap.hand_out(heap.other);
  run.threads([&] { heap.give(heap.span, 1); }, [&] { heap.give(heap.other, 1); },
              [&] { heap.collect_inbox(); });
  heap.check(heap.span, 2);
  heap.check(heap.other, 2);
}

// Two threads free the same slot. (Both write to it: that is the crime, so not here.)
void double_free(Execution& run) {
  Heap& heap = heap_of(run);
  unsigned noticed = 0;
  const auto free = [&] { noticed += heap.span.remote.give(0, 1).before == 1 ? 1 : 0; };
  run.threads(free, free);
  require(noticed == 1, "exactly one of two frees of a slot is a double free");
}

constexpr Scenario scenarios[] = {
    {"two_freers", two_freers},
    {"retire_and_free", retire_and_free},
    {"use_up_again", use_up_again},
    {"slow_to_announce", slow_to_announce},
    {"owner_frees_too", owner_frees_too},
    {"release_and_reuse", release_and_reuse},
    {"release_from_the_inbox_and_reuse", release_from_the_inbox_and_reuse},
    {"two_spans_on_one_inbox", two_spans_on_one_inbox},
    {"double_free", double_free},
};

TEST(RemoteFreesExplored, LoseNothing) {
  test::expect_explored({.name = "remote frees and the inbox",
                         .files = {"src/engine/remote.hpp"},
                         .scenarios = scenarios,
                         .executions_per_mutant = 2'000});
}

}  // namespace
}  // namespace basalt::engine
