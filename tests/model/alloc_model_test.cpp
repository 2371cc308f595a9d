// Random sequences against an oracle, for every sized allocator, grower and fit.
#include <gtest/gtest.h>

#include <memory>

#include "basic/locked.hpp"
#include "basic/raw_alloc.hpp"
#include "basic/size_prefixed.hpp"
#include "basic/unix_allocator.hpp"
#include "platform/libc_os.hpp"
#include "source/at_least.hpp"
#include "source/fixed_buffer.hpp"
#include "source/mmap_grower.hpp"
#include "source/sbrk_grower.hpp"
#include "source/tracked.hpp"
#include "support/oracle.hpp"
#include "support/seed.hpp"

namespace basalt {
namespace {

using test::Dice;
using test::LiveBlock;
using test::Oracle;

// A sized allocator under test, with what differs from one to the next.
template <class Allocator, unsigned MostBits>
struct Subject {
  using Type = Allocator;
  static constexpr unsigned most_bits = MostBits;  // of a size
};

template <class System>
using Pages = Tracked<AtLeast<MmapGrower<System>, 64 * KiB>, System>;
using Eager = GiveBackAbove<16 * KiB, 32 * KiB>;

// What SizePrefixed puts round a sized allocator, seen as a sized one again: the sizes are not used. Pointers keep no
// offset, and reallocation no alignment but 16.
template <class Sized>
class ByPointer {
 public:
  Result<std::byte*> allocate(Layout layout) {
    if (layout.offset != 0) return Result<std::byte*>::failure(invalid_argument);
    return answer(heap_.allocate(layout.size, layout.alignment));
  }
  void deallocate(std::byte* block, std::size_t) {
    Oracle::require(heap_.deallocate(block), "a block disowned");
  }
  Result<std::byte*> reallocate(std::byte* block, std::size_t size, Layout wanted) {
    if (wanted.alignment <= 16) return answer(heap_.reallocate(block, wanted.size));
    const Result<std::byte*> moved = allocate(wanted);
    if (!moved.ok()) return moved;
    std::memcpy(moved.value, block, std::min(size, wanted.size));
    deallocate(block, size);
    return moved;
  }
  bool trim() { return heap_.trim(); }
  HeapStats stats() const { return heap_.stats(); }
  Validity validate() const { return heap_.validate(); }

 private:
  static Result<std::byte*> answer(void* p) {
    return p == nullptr ? Result<std::byte*>::failure(out_of_memory)
                        : Result<std::byte*>::success(static_cast<std::byte*>(p));
  }

  SizePrefixed<Sized> heap_;
};

template <class Raw>
using WithLock = Locked<Raw, SpinLock<Backoff>>;

template <class TheSubject>
class AllocModel : public testing::Test {
 protected:
  using Allocator = typename TheSubject::Type;

  void allocate(Dice& dice) {
    const std::size_t size = dice.size(TheSubject::most_bits);
    const std::size_t alignment = dice.one_in(4) ? std::size_t{1} << dice.below(13) : 8;
    const std::size_t offset = dice.one_in(8) && alignment > 8 ? 8 : 0;
    const Result<std::byte*> block = allocator_->allocate({size, alignment, offset});
    if (block.ok()) oracle_.born({block.value, size, alignment, offset});
  }

  void deallocate(Dice& dice) {
    const LiveBlock block = oracle_.dies(dice.below(oracle_.count()));
    allocator_->deallocate(block.begin, block.size);
  }

  void reallocate(Dice& dice) {
    LiveBlock block = oracle_.dies(dice.below(oracle_.count()));
    const LiveBlock old = block;
    block.size = dice.size(TheSubject::most_bits);
    const Result<std::byte*> moved =
        allocator_->reallocate(old.begin, old.size, {block.size, block.alignment, block.offset});
    if (moved.ok()) block.begin = moved.value;
    oracle_.reborn(old, moved.ok() ? block : old);
  }

  void step(Dice& dice) {
    const std::size_t choice = dice.below(16);
    if (oracle_.count() == 0 || (choice < 8 && oracle_.count() < 400)) return allocate(dice);
    if (choice < 14) return deallocate(dice);
    if (choice == 14) return reallocate(dice);
    if (dice.one_in(64)) allocator_->trim();
  }

  void check() {
    Oracle::require(allocator_->validate().valid(), name(allocator_->validate().broken()));
    const HeapStats stats = allocator_->stats();
    Oracle::require(stats.conserved(), "allocated - freed is not grown - given back - on the list");
    Oracle::require(stats.live_bytes >= oracle_.bytes(), "fewer bytes live than callers hold");
    Oracle::require(stats.allocations - stats.deallocations == oracle_.count(), "blocks counted wrongly");
  }

  void run(std::uint64_t seed, std::size_t steps) {
    Dice dice{seed};
    for (std::size_t i = 0; i < steps; ++i) {
      try {
        step(dice);
        check();
      } catch (const std::exception& broken) {
        FAIL() << broken.what() << " after step " << i << " of the run with seed " << seed;
      }
    }
    while (oracle_.count() != 0) deallocate(dice);
    check();
    EXPECT_EQ(allocator_->stats().live_bytes, 0u);
  }

  std::unique_ptr<Allocator> allocator_ = std::make_unique<Allocator>();
  Oracle oracle_;
};

// A new allocator is one line here.
using Subjects = testing::Types<Subject<RawAlloc<ToyHeap<>>, 12>,                      //
                                Subject<RawAlloc<ToyHeap<>, BestFit>, 12>,             //
                                Subject<RawAlloc<ToyHeap<2 * KiB, 16>>, 8>,            // nearly always full
                                Subject<RawAlloc<Pages<RawOs>, FirstFit, Eager>, 18>,  //
                                Subject<RawAlloc<Pages<RawOs>, BestFit, Eager>, 18>,   //
                                Subject<RawAlloc<Pages<LibcOs>, FirstFit, GiveBackNever>, 18>,  //
                                Subject<RawAlloc<ToyHeap<>, NextFit>, 12>,                      //
                                Subject<RawAlloc<ToyHeap<2 * KiB, 16>, NextFit>, 8>,            //
                                Subject<RawAlloc<Pages<RawOs>, NextFit, Eager>, 18>,            //
                                Subject<RawAlloc<SbrkGrower<LibcOs>, NextFit, Eager>, 18>,      // decommits
                                Subject<WithLock<RawAlloc<Pages<RawOs>, FirstFit, Eager>>, 18>,
                                Subject<UnixAllocator, 18>,                                      //
                                Subject<ByPointer<WithLock<RawAlloc<ToyHeap<>, BestFit>>>, 12>,  //
                                Subject<ByPointer<WithLock<RawAlloc<Pages<RawOs>, NextFit, Eager>>>, 18>,
                                Subject<ByPointer<UnixAllocator>, 18>>;
TYPED_TEST_SUITE(AllocModel, Subjects);

TYPED_TEST(AllocModel, KeepsItsWordStepByStep) { this->run(test::seed(), 10'240); }

}  // namespace
}  // namespace basalt
