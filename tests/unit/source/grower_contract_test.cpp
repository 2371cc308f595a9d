// What every grower promises, asked of every grower there is.
#include <gtest/gtest.h>
#include <basalt/growers.hpp>

#include <cerrno>
#include <cstring>
#include <vector>

#include "support/failing_os.hpp"
#include "support/fake_wasm_memory.hpp"

namespace basalt {
namespace {

template <class G>
struct With {
  using Grower = G;
  static G make() { return G{}; }
};

struct WithBuffer {
  using Grower = FixedBuffer<256>;
  alignas(256) static inline std::byte buffer[64 * KiB];
  static Grower make() { return Grower{buffer, sizeof buffer}; }
};

struct WithLimit {
  using Grower = AtLeast<Bounded<MmapGrower<RawOs>>, 64 * KiB>;
  static Grower make() { return Grower{1 * MiB}; }
};

struct WithLoan {
  using Grower = Borrowed<ToyHeap<>>;
  static inline ToyHeap<> lender;
  static Grower make() { return Grower{lender}; }
};

template <class Growth>
class GrowerContract : public testing::Test {};

using Growers = testing::Types<
    With<MmapGrower<RawOs>>, With<MmapGrower<LibcOs>>, With<SbrkGrower<LibcOs>>, With<ToyHeap<>>,
    With<ToyHeap<64 * KiB, 4096>>, WithBuffer, With<WasmGrower<test::FakeWasmMemory>>,
    With<AtLeast<MmapGrower<RawOs>, 256 * KiB>>, With<Tracked<MmapGrower<RawOs>, RawOs>>,
    With<Tracked<SbrkGrower<LibcOs>, LibcOs>>, With<Counting<ToyHeap<>>>, With<FailingAt<ToyHeap<>>>,
    WithLimit, WithLoan, With<Fallback<ToyHeap<4 * KiB>, Tracked<MmapGrower<RawOs>, RawOs>>>,
    With<Counting<FailingAt<Tracked<AtLeast<MmapGrower<test::FailingOs<RawOs>>, 64 * KiB>, RawOs>>>>>;
TYPED_TEST_SUITE(GrowerContract, Growers);

TYPED_TEST(GrowerContract, IsAGrowerAndGivesInPages) {
  static_assert(HeapGrower<typename TypeParam::Grower>);
  const auto grower = TypeParam::make();
  EXPECT_TRUE(is_power_of_two(grower.page_size()));
  EXPECT_EQ(grower.page_size(), grower.page_size());
}

TYPED_TEST(GrowerContract, ZeroAsksForNothing) {
  auto grower = TypeParam::make();
  for (int i = 0; i < 3; ++i) {
    const Result<Range> growth = grower.grow(0);
    EXPECT_TRUE(growth.ok());
    EXPECT_TRUE(growth.value.empty());
  }
}

TYPED_TEST(GrowerContract, GrowthsAreLargeEnoughAlignedAndNobodyElses) {
  auto grower = TypeParam::make();
  std::vector<Range> growths;
  for (const std::size_t bytes : {1u, 8u, 63u, 64u, 65u, 4096u, 5000u, 3u}) {
    const Result<Range> growth = grower.grow(bytes);
    ASSERT_TRUE(growth.ok()) << growth.error.number;
    ASSERT_GE(growth.value.size, bytes);
    ASSERT_EQ(growth.value.size % 64, 0u);
    ASSERT_TRUE(is_aligned(growth.value.begin, 8));
    for (const Range& other : growths) ASSERT_NE(relation(growth.value, other), Relation::overlapping);
    std::memset(growth.value.begin, static_cast<int>(growths.size()), growth.value.size);
    growths.push_back(growth.value);
  }
  for (std::size_t i = 0; i < growths.size(); ++i) {
    for (std::size_t at = 0; at < growths[i].size; ++at) ASSERT_EQ(growths[i].begin[at], std::byte(i));
  }
}

TYPED_TEST(GrowerContract, RefusesTheAbsurdAndGoesOn) {
  auto grower = TypeParam::make();
  for (const std::size_t bytes : {SIZE_MAX, SIZE_MAX - 4096, max_request, max_request + 1}) {
    const Result<Range> growth = grower.grow(bytes);
    ASSERT_FALSE(growth.ok());
    ASSERT_EQ(growth.error, Error{ENOMEM});
    ASSERT_TRUE(growth.value.empty());
  }
  EXPECT_TRUE(grower.grow(16).ok());
}

TYPED_TEST(GrowerContract, ExtensionsBeginWhereTheyWereAskedToOrAreRefused) {
  auto grower = TypeParam::make();
  if constexpr (ExtendsInPlace<typename TypeParam::Grower>) {
    const Result<Range> first = grower.grow(1000);
    ASSERT_TRUE(first.ok());
    const Result<Range> nothing = grower.extend(first.value.end(), 0);
    EXPECT_TRUE(nothing.ok());
    EXPECT_TRUE(nothing.value.empty());
    const Result<Range> more = grower.extend(first.value.end(), 100);
    if (!more.ok()) GTEST_SKIP() << "the place is taken";
    EXPECT_EQ(more.value.begin, first.value.end());
    EXPECT_GE(more.value.size, 100u);
    std::memset(more.value.begin, 1, more.value.size);
    EXPECT_EQ(grower.extend(first.value.end(), 100).error, out_of_memory);  // that place is taken now
    if constexpr (KnowsItsOwn<typename TypeParam::Grower>) {
      EXPECT_TRUE(grower.owns({first.value.begin, first.value.size + more.value.size}));
    }
  }
}

TYPED_TEST(GrowerContract, KnowsWhatItGaveAndNothingElse) {
  auto grower = TypeParam::make();
  if constexpr (KnowsItsOwn<typename TypeParam::Grower>) {
    std::byte stranger[64];
    const Result<Range> growth = grower.grow(100);
    ASSERT_TRUE(growth.ok());
    EXPECT_TRUE(grower.owns(growth.value));
    EXPECT_TRUE(grower.owns({growth.value.begin + 8, 8}));
    EXPECT_FALSE(grower.owns({growth.value.begin, growth.value.size + 1}));
    EXPECT_FALSE(grower.owns({growth.value.begin + 8, SIZE_MAX - 4}));
    EXPECT_FALSE(grower.owns({stranger, sizeof stranger}));
    EXPECT_FALSE(grower.owns({nullptr, 1}));
  }
}

}  // namespace
}  // namespace basalt
