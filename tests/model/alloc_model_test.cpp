// Random sequences against an oracle, for every sized allocator, grower and fit.
#include <gtest/gtest.h>

#include <array>
#include <memory>

#include "basic/locked.hpp"
#include "basic/raw_alloc.hpp"
#include "basic/size_prefixed.hpp"
#include "basic/unix_allocator.hpp"
#include "platform/libc_os.hpp"
#include "source/at_least.hpp"
#include "source/borrowed.hpp"
#include "source/bounded.hpp"
#include "source/counting.hpp"
#include "source/failing_at.hpp"
#include "source/fallback.hpp"
#include "source/fixed_buffer.hpp"
#include "source/memory_file.hpp"
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
template <class Allocator, unsigned MostBits, std::size_t Steps = 2'560>
struct Subject {
  using Type = Allocator;
  static constexpr unsigned most_bits = MostBits;  // of a size
  static constexpr std::size_t steps = Steps;
};

template <class System>
using Pages = Tracked<AtLeast<MmapGrower<System>, 64 * KiB>, System>;
using Eager = GiveBackAbove<16 * KiB, 32 * KiB>;

// Growers as they are made for a test: those that want arguments get them.
struct Array {
  std::array<std::byte, 64 * KiB> bytes;
};
struct Buffer : private Array, public FixedBuffer<> {
  Buffer() noexcept : FixedBuffer<>{bytes.data(), bytes.size()} {}
};

struct OpenFile {
  MemoryFile<RawOs>* file = MemoryFile<RawOs>::open(nullptr).file;
  OpenFile() = default;
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() { MemoryFile<RawOs>::close(file); }
};
struct File : private OpenFile, public Borrowed<MemoryFile<RawOs>> {
  File() noexcept : Borrowed{*file} {}
};

struct Bound : Bounded<Counting<Pages<RawOs>>> {
  Bound() noexcept : Bounded{MiB} {}
};

// Refuses every few calls.
struct Unsteady : FailingAt<Pages<RawOs>> {
  [[nodiscard]] Result<Range> grow(std::size_t bytes) noexcept {
    if (++calls_ % 4 == 0) fail_at(Duty::grow, 1);
    return FailingAt::grow(bytes);
  }
  [[nodiscard]] Error give_back(Range range) noexcept {
    if (++calls_ % 4 == 0) fail_at(Duty::give_back, 1);
    return FailingAt::give_back(range);
  }

 private:
  unsigned calls_ = 0;
};

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

// A grower, the bits of the sizes that suit it, and when memory goes back to it.
template <class Grower, unsigned MostBits, class GiveBack = GiveBackNever>
struct Well {
  template <class Fit>
  using Under = Subject<RawAlloc<Grower, Fit, GiveBack>, MostBits>;
};

template <class... Lists>
struct Joined;
template <class... A>
struct Joined<testing::Types<A...>> {
  using Type = testing::Types<A...>;
};
template <class... A, class... B, class... Rest>
struct Joined<testing::Types<A...>, testing::Types<B...>, Rest...>
    : Joined<testing::Types<A..., B...>, Rest...> {};

// Every fit over every well: a new one of either is one line here.
template <class... Wells>
struct EachFitOver
    : Joined<testing::Types<typename Wells::template Under<FirstFit>, typename Wells::template Under<NextFit>,
                            typename Wells::template Under<BestFit>>...> {};
using Raw =
    EachFitOver<Well<ToyHeap<>, 12>,                  //
                Well<ToyHeap<2 * KiB, 16>, 8>,        // nearly always full
                Well<Buffer, 10>,                     //
                Well<Pages<RawOs>, 18, Eager>,        //
                Well<Pages<LibcOs>, 18>,              //
                Well<SbrkGrower<LibcOs>, 18, Eager>,  // decommits
                Well<File, 16, Eager>,                //
                Well<Fallback<ToyHeap<>, Pages<RawOs>>, 16, Eager>, Well<Bound, 16, Eager>,  // and counted
                Well<Unsteady, 18, Eager>>;

// What is built on them, and the seed's own random run.
using Built = testing::Types<Subject<RawAlloc<ToyHeap<>>, 12, 10'240>,
                             Subject<WithLock<RawAlloc<Pages<RawOs>, FirstFit, Eager>>, 18>,
                             Subject<UnixAllocator, 18, 10'240>,                              //
                             Subject<ByPointer<WithLock<RawAlloc<ToyHeap<>, BestFit>>>, 12>,  //
                             Subject<ByPointer<WithLock<RawAlloc<Pages<RawOs>, NextFit, Eager>>>, 18>,
                             Subject<ByPointer<UnixAllocator>, 18, 10'240>>;
using Subjects = Joined<Raw::Type, Built>::Type;
TYPED_TEST_SUITE(AllocModel, Subjects);

TYPED_TEST(AllocModel, KeepsItsWordStepByStep) { this->run(test::seed(), TypeParam::steps); }

}  // namespace
}  // namespace basalt
