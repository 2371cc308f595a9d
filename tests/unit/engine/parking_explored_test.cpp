// Heaps that are made, parked, swept and taken, under every schedule and every value that a load may return.
//
// The pool and its lock are those of the engine. What a heap has is `Plain`: two threads that have one heap at the same time, or one
// that does not see what the last one did to it, are a data race.

#include <gtest/gtest.h>

#include "base/spin_lock.hpp"
#include "engine/heap_pool.hpp"
#include "engine/remote.hpp"
#include "platform/raw_os.hpp"
#include "support/explored.hpp"

namespace basalt::engine {
namespace {

using explorer::Execution;
using explorer::ModelAtomics;
using explorer::Plain;
using explorer::PlainField;
using explorer::require;
using explorer::Scenario;

struct ModelWaiting {
  void pause() { ModelAtomics::pause(); }
};
using ModelLock = SpinLock<ModelWaiting, ModelAtomics>;

struct Figures {
  std::atomic<std::size_t> heaps{0};
  Overlay overlay;  // nothing beside a heap
};
struct NoSpace {
  Figures policy;
};

struct ModelSpan {
  RemoteFrees<ModelAtomics, 1> remote;
  ModelAtomics::Atomic<ModelSpan*> inbox_next{nullptr};
  Plain<int> contents{0};  // of its only slot
};

struct ModelHeap {
  PlainField<ModelHeap*> next_parked{nullptr};
  PlainField<bool> parked{false};
  Figures* policy = nullptr;
  Plain<int> bins{0};  // its own thread's; of a parked one, whose who has the lock of the pool
  ModelLock lock;
  Plain<int> supply{0};  // under the heap's lock
  Inbox<ModelAtomics, ModelSpan> inbox;

  std::byte* annex() { return reinterpret_cast<std::byte*>(this) + align_up(sizeof(ModelHeap), 64); }
  void start(NoSpace& space, HeapId, Range) { policy = &space.policy; }
  static constexpr std::size_t most_array_bytes() { return 0; }

  // As a slow path does.
  void use() {
    bins.set(bins.get() + 1);
    Holding hold{lock};
    supply.set(supply.get() + 1);
  }
  // As another thread does that has given much back.
  void collect_unless_busy() {
    if (!lock.try_lock()) return;
    supply.set(supply.get() + 1);
    lock.unlock();
  }
};

// Memory for the heaps of one execution.
struct ModelOs : RawOs {
  static constexpr std::size_t most = 3;

  static Result<std::byte*> reserve(std::size_t bytes) noexcept {
    if (bytes > sizeof rooms_[0] || used == most) return Result<std::byte*>::failure(Error{ENOMEM});
    return Result<std::byte*>::success(rooms_[used++]);
  }
  static Error open(Range) noexcept { return no_error; }
  static inline std::size_t used = 0;

 private:
  alignas(4096) static inline std::byte rooms_[most][512 * KiB + 8192];
};

struct Pool {
  Pool() { ModelOs::used = 0; }

  NoSpace space;
  HeapPool<ModelOs, ModelHeap, ModelLock> pool;

  ModelHeap* take() {
    ModelHeap* const heap = pool.take(space);
    require(heap != nullptr, "there was memory for a heap");
    require(!heap->parked, "a heap is taken, and parked");
    return heap;
  }
  // The life of a thread.
  void live() {
    ModelHeap& heap = *take();
    heap.use();
    pool.park(heap);
  }
  // As Parts::sweep_if_grown.
  void sweep() {
    Holding hold{pool.lock()};
    if (ModelHeap* const heap = pool.next_to_sweep()) heap->use();
  }
};

void first_allocations(Execution& run) {
  Pool& pool = run.make<Pool>();
  ModelHeap* heaps[2] = {};
  run.threads([&] { (heaps[0] = pool.take())->use(); }, [&] { (heaps[1] = pool.take())->use(); });
  require(heaps[0] != heaps[1] && pool.pool.count() == 2, "two threads have one heap");
}

void one_ends_and_one_begins(Execution& run) {
  Pool& pool = run.make<Pool>();
  run.threads([&] { pool.live(); }, [&] { pool.live(); });
  require(pool.pool.count() == 1 || pool.pool.count() == 2, "more heaps were made than there were threads");
  unsigned parked = 0;
  pool.pool.each_parked([&](ModelHeap&) { ++parked; });
  require(parked == pool.pool.count(), "a heap was lost");
}

void two_generations(Execution& run) {
  Pool& pool = run.make<Pool>();
  run.threads([&] { pool.live(); },
              [&] {
                pool.live();
                pool.live();
              });
  require(pool.pool.count() <= 2, "more heaps were made than there were threads");
}

void two_take_what_one_left(Execution& run) {
  Pool& pool = run.make<Pool>();
  pool.live();
  ModelHeap* heaps[2] = {};
  run.threads([&] { (heaps[0] = pool.take())->use(); }, [&] { (heaps[1] = pool.take())->use(); });
  require(heaps[0] != heaps[1] && pool.pool.count() == 2, "two threads have one heap");
}

void taken_while_swept(Execution& run) {
  Pool& pool = run.make<Pool>();
  pool.live();
  run.threads([&] { pool.take()->use(); }, [&] { pool.sweep(); });
}

void parked_while_swept(Execution& run) {
  Pool& pool = run.make<Pool>();
  ModelHeap& heap = *pool.take();
  run.threads(
      [&] {
        heap.use();
        pool.pool.park(heap);
      },
      [&] { pool.sweep(); });
}

void parked_while_a_third_collects(Execution& run) {
  Pool& pool = run.make<Pool>();
  ModelHeap& heap = *pool.take();
  run.threads(
      [&] {
        heap.use();
        pool.pool.park(heap);
      },
      [&] { heap.collect_unless_busy(); });
}

// The last slot of a heap that changes hands comes home meanwhile: to whoever has the heap when it looks.
void freed_while_the_owner_changes(Execution& run) {
  Pool& pool = run.make<Pool>();
  ModelHeap& heap = *pool.take();
  ModelSpan& span = run.make<ModelSpan>();
  span.remote.begin(1);
  require(span.remote.leave(), "nobody has freed a slot yet");
  bool found = false;
  const auto collect = [&](ModelHeap& mine) {
    ModelSpan* const returned = mine.inbox.take_all();
    if (returned == nullptr) return;
    returned->remote.arrive();
    require(returned->remote.collect(0) == 1, "a span came home with nothing");
    returned->contents.set(2);
    found = true;
  };
  run.threads([&] { pool.pool.park(heap); },
              [&] {
                ModelHeap* const mine = pool.take();
                if (mine == &heap) collect(*mine);
              },
              [&] {
                span.contents.set(1);
                if (span.remote.give(0, 1).announce) heap.inbox.put(span);
              });
  if (!found) collect(heap);
  require(found, "a slot was lost");
}

constexpr Scenario scenarios[] = {
    {"first_allocations", first_allocations},
    {"one_ends_and_one_begins", one_ends_and_one_begins},
    {"two_generations", two_generations},
    {"two_take_what_one_left", two_take_what_one_left},
    {"taken_while_swept", taken_while_swept},
    {"parked_while_swept", parked_while_swept},
    {"parked_while_a_third_collects", parked_while_a_third_collects},
    {"freed_while_the_owner_changes", freed_while_the_owner_changes},
};

TEST(ParkingExplored, AHeapHasOneThreadAndKeepsWhatItHas) {
  test::expect_explored({"heaps: made, parked, swept, taken",
                         {"src/engine/heap_pool.hpp", "src/base/spin_lock.hpp"},
                         scenarios});
}

}  // namespace
}  // namespace basalt::engine
