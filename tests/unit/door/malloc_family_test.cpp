// The manners of the malloc family, over every kitchen.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include "kitchens.hpp"

namespace {

using basalt::is_aligned;
using basalt::MiB;

// Volatile: the compiler knows what malloc is, and would warn.
const volatile std::size_t too_much[] = {SIZE_MAX,         SIZE_MAX - 1,
                                         SIZE_MAX - 15,    SIZE_MAX / 2,
                                         SIZE_MAX / 2 + 1, static_cast<std::size_t>(PTRDIFF_MAX) - 8};

template <class Door>
class MallocFamily : public ::testing::Test {
 protected:
  static auto& heap() { return Door::heap; }

  // Whatever a test does, afterwards nothing is lost and every law holds.
  void SetUp() override { live_before_ = heap().stats().live_bytes; }
  void TearDown() override {
    EXPECT_EQ(heap().stats().live_bytes, live_before_);
    EXPECT_TRUE(heap().stats().conserved());
    EXPECT_TRUE(heap().validate().valid());
  }

  static void expect_refused(void* p, int reason) {
    EXPECT_EQ(p, nullptr);
    EXPECT_EQ(errno, reason);
    errno = 0;
  }

 private:
  std::size_t live_before_ = 0;
};

TYPED_TEST_SUITE(MallocFamily, kitchens::All);

TYPED_TEST(MallocFamily, EveryResultIsAlignedTo16AndOneOfAKind) {
  std::vector<void*> blocks;
  for (std::size_t size = 0; size < 300; ++size) {
    void* const p = TypeParam::Family::malloc(size);
    ASSERT_NE(p, nullptr);
    EXPECT_TRUE(is_aligned(p, 16)) << size;
    EXPECT_GE(TypeParam::Family::usable_size(p), size);
    std::memset(p, static_cast<int>(size), TypeParam::Family::usable_size(p));
    blocks.push_back(p);
  }
  for (std::size_t size = 1; size < 300; ++size) {
    EXPECT_EQ(static_cast<unsigned char*>(blocks[size])[size - 1], static_cast<unsigned char>(size));
  }
  for (void* p : blocks) TypeParam::Family::free(p);
}

TYPED_TEST(MallocFamily, ZeroBytesAreABlockOfTheirOwn) {
  void* const a = TypeParam::Family::malloc(0);
  void* const b = TypeParam::Family::malloc(0);
  void* const c = TypeParam::Family::calloc(0, 8);
  EXPECT_NE(a, nullptr);
  EXPECT_NE(b, nullptr);
  EXPECT_NE(c, nullptr);
  EXPECT_NE(a, b);
  for (void* p : {a, b, c}) TypeParam::Family::free(p);
}

TYPED_TEST(MallocFamily, FreeOfNullDoesNothing) {
  const auto before = this->heap().stats().deallocations;
  TypeParam::Family::free(nullptr);
  EXPECT_EQ(this->heap().stats().deallocations, before);
}

TYPED_TEST(MallocFamily, CallocClearsMemoryThatWasUsedBefore) {
  for (const std::size_t size : {1u, 24u, 1000u, 70000u, 3000000u}) {
    void* const dirty = TypeParam::Family::malloc(size);
    std::memset(dirty, 0xa5, size);
    TypeParam::Family::free(dirty);
    auto* const clean = static_cast<unsigned char*>(TypeParam::Family::calloc(1, size));
    ASSERT_NE(clean, nullptr);
    for (std::size_t i = 0; i < size; ++i) ASSERT_EQ(clean[i], 0) << i << " of " << size;
    TypeParam::Family::free(clean);
  }
}

TYPED_TEST(MallocFamily, WhatNoObjectCanBeIsRefusedWithEnomem) {
  using Family = typename TypeParam::Family;
  void* const kept = Family::malloc(100);
  std::memset(kept, 7, 100);
  errno = 0;
  for (const std::size_t size : too_much) {
    this->expect_refused(Family::malloc(size), ENOMEM);
    this->expect_refused(Family::calloc(1, size), ENOMEM);
    this->expect_refused(Family::calloc(size, 16), ENOMEM);
    this->expect_refused(Family::realloc(nullptr, size), ENOMEM);
    this->expect_refused(Family::realloc(kept, size), ENOMEM);
    this->expect_refused(Family::reallocarray(kept, size, 16), ENOMEM);
    this->expect_refused(Family::reallocarray(kept, size / 2 + 1, 2), ENOMEM);
    this->expect_refused(Family::memalign(64, size), ENOMEM);
    this->expect_refused(Family::aligned_alloc(64, size), ENOMEM);
    this->expect_refused(Family::valloc(size), ENOMEM);
    this->expect_refused(Family::pvalloc(size), ENOMEM);
    EXPECT_EQ(Family::try_allocate(size, 16), nullptr);
    EXPECT_EQ(errno, 0);
  }
  EXPECT_EQ(static_cast<char*>(kept)[99], 7);
  Family::free(kept);
}

TYPED_TEST(MallocFamily, CallocNoticesAProductThatWrapsRound) {
  errno = 0;
  const volatile std::size_t half_way = std::size_t{1} << 33;
  const volatile std::size_t quarter = SIZE_MAX / 4;
  this->expect_refused(TypeParam::Family::calloc(half_way, half_way), ENOMEM);
  this->expect_refused(TypeParam::Family::calloc(quarter, 5), ENOMEM);
}

TYPED_TEST(MallocFamily, ReallocKeepsContentsWhereverTheBlockGoes) {
  using Family = typename TypeParam::Family;
  auto* p = static_cast<unsigned char*>(Family::malloc(1));
  std::size_t size = 1;
  p[0] = 0;
  for (const std::size_t next : {17u, 4000u, 100u, 200000u, 199990u, 3000000u, 50u, 1u}) {
    p = static_cast<unsigned char*>(Family::realloc(p, next));
    ASSERT_NE(p, nullptr);
    EXPECT_TRUE(is_aligned(p, 16));
    for (std::size_t i = 0; i < std::min(size, next); ++i) ASSERT_EQ(p[i], static_cast<unsigned char>(i * 7));
    for (std::size_t i = 0; i < next; ++i) p[i] = static_cast<unsigned char>(i * 7);
    size = next;
  }
  Family::free(p);
}

TYPED_TEST(MallocFamily, ReallocOfNullAllocatesAndReallocToNothingFrees) {
  using Family = typename TypeParam::Family;
  void* const p = Family::realloc(nullptr, 40);
  ASSERT_NE(p, nullptr);
  const auto live = this->heap().stats().live_bytes;
  errno = 0;
  EXPECT_EQ(Family::realloc(p, 0), nullptr);
  EXPECT_EQ(errno, 0);
  EXPECT_LT(this->heap().stats().live_bytes, live);
  void* const q = Family::realloc(nullptr, 0);
  EXPECT_NE(q, nullptr);
  Family::free(q);
  EXPECT_EQ(Family::reallocarray(Family::malloc(8), 0, 8), nullptr);
}

TYPED_TEST(MallocFamily, AlignmentsAreHonouredAndSurviveTheirContents) {
  using Family = typename TypeParam::Family;
  for (std::size_t alignment = 1; alignment <= 4 * MiB; alignment *= 2) {
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, alignment - 1, alignment, 3 * alignment}) {
      auto* const p = static_cast<unsigned char*>(Family::aligned_alloc(alignment, size));
      ASSERT_NE(p, nullptr);
      EXPECT_TRUE(is_aligned(p, std::max(alignment, std::size_t{16})));
      if (size != 0) p[0] = p[size - 1] = 9;
      auto* const longer = static_cast<unsigned char*>(Family::realloc(p, 2 * size + 1));
      ASSERT_NE(longer, nullptr);
      if (size != 0) {
        EXPECT_EQ(longer[0] + longer[size - 1], 18);
      }
      Family::free(longer);
    }
  }
}

TYPED_TEST(MallocFamily, AnAlignmentThatIsNoneIsRefusedOrRoundedAsTheStandardsSay) {
  using Family = typename TypeParam::Family;
  errno = 0;
  for (const std::size_t alignment : {0u, 3u, 24u, 100u}) {
    this->expect_refused(Family::aligned_alloc(alignment, 100), EINVAL);
    void* const p = Family::memalign(alignment, 100);  // glibc rounds up
    ASSERT_NE(p, nullptr);
    std::size_t rounded = 16;
    while (rounded < alignment) rounded *= 2;
    EXPECT_TRUE(is_aligned(p, rounded));
    Family::free(p);
  }
  this->expect_refused(Family::memalign(SIZE_MAX, 1), EINVAL);
  this->expect_refused(Family::memalign(SIZE_MAX / 2 + 1, 1), ENOMEM);
  this->expect_refused(Family::aligned_alloc(SIZE_MAX / 2 + 1, 1), ENOMEM);
}

TYPED_TEST(MallocFamily, PosixMemalignAnswersWithoutErrnoAndTouchesNothingOnError) {
  using Family = typename TypeParam::Family;
  int place = 0;
  void* out = &place;
  errno = 1234;
  for (const std::size_t alignment : {0u, 3u, 4u, 12u, 24u}) {
    EXPECT_EQ(Family::posix_memalign(&out, alignment, 8), EINVAL);
  }
  for (const std::size_t size : too_much) EXPECT_EQ(Family::posix_memalign(&out, 64, size), ENOMEM);
  EXPECT_EQ(out, &place);
  EXPECT_EQ(errno, 1234);
  ASSERT_EQ(Family::posix_memalign(&out, 8, 0), 0);
  EXPECT_NE(out, nullptr);
  Family::free(out);
  ASSERT_EQ(Family::posix_memalign(&out, 65536, 100), 0);
  EXPECT_TRUE(is_aligned(out, 65536));
  Family::free(out);
  EXPECT_EQ(errno, 1234);
}

TYPED_TEST(MallocFamily, VallocGivesAPageAndPvallocWholePages) {
  using Family = typename TypeParam::Family;
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, page, page + 1}) {
    void* const v = Family::valloc(size);
    void* const p = Family::pvalloc(size);
    EXPECT_TRUE(is_aligned(v, page));
    EXPECT_TRUE(is_aligned(p, page));
    const std::size_t pages = size == 0 ? 1 : (size + page - 1) / page;
    EXPECT_GE(Family::usable_size(p), pages * page);
    std::memset(p, 1, pages * page);
    Family::free(v);
    Family::free(p);
  }
}

TYPED_TEST(MallocFamily, FreeKeepsErrnoAlsoWhenMemoryGoesBack) {
  using Family = typename TypeParam::Family;
  for (const std::size_t size : {1u, 100u, 5000u, 70000u, 1u << 20, 9u << 20}) {
    void* const a = Family::malloc(size);
    void* const b = Family::memalign(8192, size);
    void* const c = Family::malloc(size);
    std::memset(a, 1, size);
    errno = 1234;
    Family::free(a);
    EXPECT_EQ(errno, 1234) << size;
    Family::free_sized(b, size);
    EXPECT_EQ(errno, 1234) << size;
    EXPECT_EQ(Family::realloc(c, 0), nullptr);
    EXPECT_EQ(errno, 1234) << size;
    errno = 0;
  }
}

TYPED_TEST(MallocFamily, UsableSizeStaysAndIsNothingForOthers) {
  using Family = typename TypeParam::Family;
  int local = 0;
  EXPECT_EQ(Family::usable_size(nullptr), 0u);
  void* volatile on_the_stack = &local;  // the compiler must not reason about what lies in front of it
  EXPECT_EQ(Family::usable_size(on_the_stack), 0u);
  void* const p = Family::malloc(100);
  const std::size_t size = Family::usable_size(p);
  std::vector<void*> neighbours;
  for (int i = 0; i < 50; ++i) neighbours.push_back(Family::malloc(100));
  for (void* each : neighbours) Family::free(each);
  EXPECT_EQ(Family::usable_size(p), size);
  Family::free(p);
}

TYPED_TEST(MallocFamily, OwnsNothingButItsOwn) {
  auto& heap = this->heap();
  int local = 0;
  void* volatile on_the_stack = &local;  // the compiler must not reason about what lies in front of it
  EXPECT_FALSE(heap.owns(nullptr));
  EXPECT_FALSE(heap.owns(on_the_stack));
  EXPECT_FALSE(heap.owns(reinterpret_cast<void*>(8)));
  EXPECT_FALSE(heap.owns(reinterpret_cast<void*>(std::uintptr_t{0xdead'0000'0000'0000})));
  EXPECT_FALSE(heap.owns(reinterpret_cast<void*>(SIZE_MAX)));
  EXPECT_FALSE(heap.deallocate(on_the_stack));
  void* const p = TypeParam::Family::malloc(10);
  EXPECT_TRUE(heap.owns(p));
  TypeParam::Family::free(p);
}

TYPED_TEST(MallocFamily, TrimGivesFreePagesBack) {
  using Family = typename TypeParam::Family;
  void* const p = Family::malloc(700 * 1024);  // less than what is kept by default
  std::memset(p, 1, 700 * 1024);
  Family::free(p);
  const auto before = this->heap().stats();
  const bool went = this->heap().trim();
  const auto after = this->heap().stats();
  if (std::is_same_v<TypeParam,
                     kitchens::WithoutLock>) {  // it decommits pages and keeps their addresses on the list
    EXPECT_TRUE(went);
    EXPECT_EQ(after.free_bytes, before.free_bytes);
    return;
  }
  EXPECT_EQ(went, after.given_back_bytes != before.given_back_bytes);
  if (!std::is_same_v<TypeParam, kitchens::NothingGoesBack>) {
    EXPECT_LT(after.free_bytes, std::size_t{2} * 65536);
  }
  EXPECT_FALSE(this->heap().trim());
}

TYPED_TEST(MallocFamily, ThreadsShareItAndFreeEachOthersBlocks) {
  using Family = typename TypeParam::Family;
  constexpr int threads = 4;
  constexpr std::size_t blocks = 200;
  std::vector<std::vector<unsigned char*>> made(threads);
  const auto in_threads = [](auto&& work) {
    std::vector<std::thread> pool;
    for (int i = 0; i < threads; ++i) pool.emplace_back([&work, i] { work(static_cast<std::size_t>(i)); });
    for (std::thread& thread : pool) thread.join();
  };
  in_threads([&](std::size_t self) {
    for (std::size_t i = 0; i < blocks; ++i) {
      auto* const p = static_cast<unsigned char*>(Family::malloc(8 + i * 13 % 3000));
      std::memset(p, static_cast<int>(self), 8 + i * 13 % 3000);
      made[self].push_back(p);
    }
  });
  in_threads([&](std::size_t self) {
    const std::size_t other = (self + 1) % threads;
    for (std::size_t i = 0; i < blocks; ++i) {
      EXPECT_EQ(made[other][i][7 + i * 13 % 3000], other);
      Family::free(made[other][i]);
    }
  });
}

TYPED_TEST(MallocFamily, AChildOfAForkFindsTheHeapWholeAndOpen) {
  auto& heap = this->heap();
  heap.before_fork();
  const pid_t child = ::fork();
  if (child == 0) {
    heap.after_fork_in_child();
    void* const p = TypeParam::Family::malloc(1000);
    TypeParam::Family::free(p);
    ::_exit(p != nullptr && heap.validate().valid() ? 0 : 1);
  }
  heap.after_fork_in_parent();
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  TypeParam::Family::free(TypeParam::Family::malloc(1000));
}

// Other handlers allocate meanwhile: only the small kitchen's own lock knows who forks.
TEST(ForkLock, IsOpenToTheThreadThatForks) {
  using Family = kitchens::Small::Family;
  kitchens::Small::heap.before_fork();
  void* const p = Family::malloc(100);
  EXPECT_NE(p, nullptr);
  Family::free(p);
  std::atomic<bool> served{false};
  std::thread other{[&] {
    Family::free(Family::malloc(100));
    served = true;
  }};
  ::usleep(20000);
  EXPECT_FALSE(served) << "another thread was let in while the heap was held for a fork";
  kitchens::Small::heap.after_fork_in_parent();
  other.join();
  EXPECT_TRUE(served);
}

}  // namespace
