#include <gtest/gtest.h>
#include <basalt/growers.hpp>

#include <cerrno>
#include <cstring>

namespace basalt {
namespace {

using Mmap = MmapGrower<RawOs>;

TEST(AtLeast, AsksInPortionsAndFallsBackToWhatIsNeeded) {
  AtLeast<ToyHeap<1024, 64>, 512> grower;
  EXPECT_EQ(grower.grow(1).value.size, 512u);
  EXPECT_EQ(grower.grow(400).value.size, 512u);
  EXPECT_EQ(grower.grow(1).error, out_of_memory);
  AtLeast<ToyHeap<1024, 64>, 512> other;
  EXPECT_EQ(other.grow(600).value.size, 640u);
  EXPECT_EQ(other.grow(65).value.size, 128u);  // a portion is not left
  EXPECT_TRUE(other.grow(0).value.empty());
}

TEST(Counting, KeepsATallyOfEachDuty) {
  Counting<FailingAt<Mmap>> grower;
  const std::size_t page = grower.page_size();
  const Range growth = grower.grow(3 * page).value;
  (void)grower.grow(page);
  grower.fail_at(Duty::grow, 1);
  (void)grower.grow(page);
  (void)grower.decommit(growth.first(page));
  const Range moved = grower.remap(growth.first(2 * page), 4 * page).value;
  grower.fail_at(Duty::give_back, 1, Error{EPERM});
  EXPECT_EQ(grower.give_back(moved), Error{EPERM});
  EXPECT_EQ(grower.give_back(moved), no_error);

  EXPECT_EQ(grower.tally(Duty::grow).calls, 3u);
  EXPECT_EQ(grower.tally(Duty::grow).failures, 1u);
  EXPECT_EQ(grower.tally(Duty::grow).bytes, 4 * page);
  EXPECT_EQ(grower.tally(Duty::decommit).bytes, page);
  EXPECT_EQ(grower.tally(Duty::remap).bytes, 4 * page);
  EXPECT_EQ(grower.tally(Duty::give_back).calls, 2u);
  EXPECT_EQ(grower.tally(Duty::give_back).failures, 1u);
  EXPECT_EQ(grower.tally(Duty::give_back).bytes, 4 * page);
  EXPECT_EQ(grower.tally(Duty::extend).calls, 0u);
}

TEST(Counting, CountsExtensions) {
  Counting<ToyHeap<>> grower;
  const Range growth = grower.grow(64).value;
  (void)grower.extend(growth.end(), 100);
  EXPECT_EQ(grower.tally(Duty::extend).bytes, 128u);
}

TEST(FailingAt, RefusesTheKthCallOnce) {
  FailingAt<ToyHeap<>> grower;
  grower.fail_at(Duty::grow, 3, Error{EAGAIN});
  EXPECT_TRUE(grower.grow(64).ok());
  EXPECT_TRUE(grower.grow(64).ok());
  EXPECT_EQ(grower.grow(64).error, Error{EAGAIN});
  EXPECT_TRUE(grower.grow(64).ok());
  EXPECT_EQ(grower.pages_used(), 3u);
}

TEST(FailingAt, CountsEachDutyApart) {
  FailingAt<Mmap> grower;
  const Range growth = grower.grow(2 * grower.page_size()).value;
  grower.fail_at(Duty::decommit, 2, Error{EPERM});
  grower.fail_at(Duty::remap, 1, Error{EFAULT});
  grower.fail_at(Duty::give_back, 1, Error{EINVAL});
  std::memset(growth.begin, 1, growth.size);
  EXPECT_TRUE(grower.grow(1).ok());
  EXPECT_EQ(grower.decommit(growth.first(grower.page_size())), no_error);
  EXPECT_EQ(grower.decommit(growth), Error{EPERM});
  EXPECT_EQ(grower.remap(growth, grower.page_size()).error, Error{EFAULT});
  EXPECT_EQ(grower.give_back(growth), Error{EINVAL});
  EXPECT_EQ(growth.begin[growth.size - 1], std::byte{1});
  EXPECT_EQ(grower.give_back(growth), no_error);
}

TEST(FailingAt, AnAppointmentCanBeCancelled) {
  FailingAt<ToyHeap<>> grower;
  grower.fail_at(Duty::extend, 1);
  grower.fail_at(Duty::extend, 0);
  const Range growth = grower.grow(64).value;
  EXPECT_TRUE(grower.extend(growth.end(), 64).ok());
  grower.fail_at(Duty::extend, 1);
  EXPECT_EQ(grower.extend(growth.end() + 64, 64).error, out_of_memory);
}

TEST(Bounded, StopsAtTheLimitAndGoesOnWhenSomethingCameBack) {
  const std::size_t page = RawOs::page_size();
  Bounded<Mmap> grower{4 * page};
  EXPECT_EQ(grower.limit(), 4 * page);
  const Range growth = grower.grow(3 * page).value;
  EXPECT_EQ(grower.grow(page + 1).error, out_of_memory);
  EXPECT_EQ(grower.held(), 3 * page);
  EXPECT_TRUE(grower.grow(1).ok());
  EXPECT_EQ(grower.grow(1).error, out_of_memory);
  EXPECT_TRUE(grower.grow(0).ok());
  EXPECT_EQ(grower.give_back(growth.first(page)), no_error);
  EXPECT_EQ(grower.held(), 3 * page);
  EXPECT_TRUE(grower.grow(1).ok());
  EXPECT_EQ(grower.pages(), 4u);
}

TEST(Bounded, WeighsAMoveByWhatItAdds) {
  const std::size_t page = RawOs::page_size();
  Bounded<Mmap> grower{4 * page};
  const Range growth = grower.grow(2 * page).value;
  EXPECT_EQ(grower.remap(growth, 5 * page).error, out_of_memory);
  const Result<Range> moved = grower.remap(growth, 4 * page);
  ASSERT_TRUE(moved.ok());
  EXPECT_EQ(grower.held(), 4 * page);
  const Result<Range> shrunk = grower.remap(moved.value, page);
  ASSERT_TRUE(shrunk.ok());
  EXPECT_EQ(grower.held(), page);
}

TEST(Bounded, WeighsExtensionsAndIgnoresFailures) {
  Bounded<FailingAt<ToyHeap<>>> grower{256};
  const Range growth = grower.grow(128).value;
  grower.fail_at(Duty::grow, 1);
  EXPECT_FALSE(grower.grow(64).ok());
  EXPECT_EQ(grower.held(), 128u);
  EXPECT_EQ(grower.extend(growth.end(), 129).error, out_of_memory);
  EXPECT_TRUE(grower.extend(growth.end(), 128).ok());
  EXPECT_EQ(grower.held(), 256u);
}

TEST(Bounded, PassesTheRestOfItsArgumentsOn) {
  alignas(64) static std::byte buffer[512];
  Bounded<FixedBuffer<64>> grower{256, buffer, sizeof buffer};
  EXPECT_EQ(grower.grow(256).value.begin, buffer);
  EXPECT_EQ(grower.grow(1).error, out_of_memory);
}

TEST(Bounded, InsideAtLeastGivesSmallerPortionsNearTheLimit) {
  AtLeast<Bounded<ToyHeap<>>, 1024> grower{1536};
  EXPECT_EQ(grower.grow(10).value.size, 1024u);
  EXPECT_EQ(grower.grow(10).value.size, 64u);
  EXPECT_EQ(grower.held(), 1088u);
}

TEST(Borrowed, TwoHeapsMayShareOneWell) {
  ToyHeap<1024, 64> well;
  Borrowed one{well};
  Borrowed two{well};
  const Range first = one.grow(64).value;
  const Range second = two.grow(64).value;
  EXPECT_EQ(second.begin, first.end());
  EXPECT_TRUE(one.owns(second));
  EXPECT_EQ(one.extend(second.end(), 64).value.begin, second.end());
  EXPECT_EQ(well.pages_used(), 3u);
}

TEST(Borrowed, PassesEveryDutyOn) {
  Counting<Mmap> well;
  Borrowed grower{well};
  const std::size_t page = grower.page_size();
  const Range growth = grower.grow(2 * page).value;
  EXPECT_EQ(grower.decommit(growth), no_error);
  const Range moved = grower.remap(growth, page).value;
  EXPECT_EQ(grower.give_back(moved), no_error);
  for (const Duty duty : {Duty::grow, Duty::decommit, Duty::remap, Duty::give_back}) {
    EXPECT_EQ(well.tally(duty).calls, 1u);
  }
}

}  // namespace
}  // namespace basalt
