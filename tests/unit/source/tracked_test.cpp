#include "source/tracked.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <random>
#include <set>
#include <vector>

#include "platform/raw_os.hpp"
#include "source/fixed_buffer.hpp"
#include "support/failing_os.hpp"
#include "support/seed.hpp"

namespace basalt {
namespace {

constexpr std::size_t page = 64;

// A line of pages that are given in any order the test likes, and never touched.
class Pages {
 public:
  static constexpr std::size_t count = 4096;

  std::size_t next_page = 0;  // the page that the next growth begins with
  bool refuses = false;

  std::size_t page_size() const noexcept { return page; }

  Result<Range> grow(std::size_t bytes) noexcept {
    if (refuses) return Result<Range>::failure(Error{EAGAIN});
    return Result<Range>::success({line() + next_page * page, align_up(bytes, page)});
  }
  Result<Range> extend(std::byte* end, std::size_t bytes) noexcept {
    return refuses ? Result<Range>::failure(Error{EAGAIN})
                   : Result<Range>::success({end, align_up(bytes, page)});
  }
  Error give_back(Range) noexcept { return refuses ? Error{EAGAIN} : no_error; }
  Result<Range> remap(Range, std::size_t bytes) noexcept { return grow(bytes); }

  static std::byte* line() { return reinterpret_cast<std::byte*>(std::uintptr_t{0x10'0000}); }
};

struct OfThisTest;
using System = test::FailingOs<RawOs, OfThisTest>;
using Grower = Tracked<Pages, System>;

Range pages(std::size_t first, std::size_t count) { return {Pages::line() + first * page, count * page}; }

// The table's law, and what it should say: exactly the pages in `model`.
void expect_agreement(const Grower& grower, const std::set<std::size_t>& model) {
  std::size_t in_table = 0;
  for (std::size_t i = 0; i < grower.ranges(); ++i) {
    const Range& range = grower.range(i);
    ASSERT_FALSE(range.empty());
    ASSERT_TRUE(i == 0 || relation(grower.range(i - 1), range) == Relation::before);
    in_table += range.size / page;
  }
  ASSERT_EQ(in_table, model.size());
  for (const std::size_t one : model) ASSERT_TRUE(grower.owns(pages(one, 1))) << one;
}

TEST(Tracked, OwnsNothingAtFirst) {
  System::reset();
  const Grower grower;
  EXPECT_FALSE(grower.owns(pages(0, 1)));
  EXPECT_FALSE(grower.owns({nullptr, 1}));
  EXPECT_EQ(grower.ranges(), 0u);
  EXPECT_EQ(System::calls, 0u);
}

TEST(Tracked, NeighboursAreOneEntry) {
  System::reset();
  Grower grower;
  for (const std::size_t first : {4u, 0u, 2u}) {
    grower.next_page = first;
    (void)grower.grow(2 * page);
  }
  ASSERT_EQ(grower.ranges(), 1u);
  EXPECT_EQ(grower.range(0), pages(0, 6));
  EXPECT_TRUE(grower.owns(pages(1, 4)));
  EXPECT_FALSE(grower.owns(pages(5, 2)));
}

TEST(Tracked, ForgetsWhatIsGivenBackFromTheMiddle) {
  System::reset();
  Grower grower;
  (void)grower.grow(5 * page);
  ASSERT_EQ(grower.give_back(pages(2, 1)), no_error);
  ASSERT_EQ(grower.ranges(), 2u);
  EXPECT_TRUE(grower.owns(pages(0, 2)));
  EXPECT_FALSE(grower.owns(pages(1, 2)));
  EXPECT_TRUE(grower.owns(pages(3, 2)));
}

TEST(Tracked, FollowsExtensionsAndMoves) {
  System::reset();
  Grower grower;
  (void)grower.grow(page);
  ASSERT_TRUE(grower.extend(pages(1, 0).begin, page).ok());
  EXPECT_TRUE(grower.owns(pages(0, 2)));
  grower.next_page = 10;
  ASSERT_TRUE(grower.remap(pages(1, 1), 3 * page).ok());
  EXPECT_TRUE(grower.owns(pages(0, 1)));
  EXPECT_FALSE(grower.owns(pages(1, 1)));
  EXPECT_TRUE(grower.owns(pages(10, 3)));
}

TEST(Tracked, ARefusalOfTheGrowerChangesNothing) {
  System::reset();
  Grower grower;
  (void)grower.grow(2 * page);
  grower.refuses = true;
  grower.next_page = 10;
  EXPECT_EQ(grower.grow(page).error, Error{EAGAIN});
  EXPECT_EQ(grower.extend(pages(2, 0).begin, page).error, Error{EAGAIN});
  EXPECT_EQ(grower.give_back(pages(0, 1)), Error{EAGAIN});
  EXPECT_EQ(grower.remap(pages(0, 1), page).error, Error{EAGAIN});
  ASSERT_EQ(grower.ranges(), 1u);
  EXPECT_EQ(grower.range(0), pages(0, 2));
}

TEST(Tracked, WithoutATableNothingIsObtained) {
  System::reset();
  Grower grower;
  System::fail_at(test::Operation::map, 1, Error{EAGAIN});
  EXPECT_EQ(grower.grow(page).error, Error{EAGAIN});
  EXPECT_EQ(grower.ranges(), 0u);
  EXPECT_TRUE(grower.grow(page).ok());
  EXPECT_EQ(System::mapped, System::page_size());
}

// Every operation that needs a larger table is refused with the errno while the table cannot grow, and nothing has
// changed; all others go on.
TEST(Tracked, AFullTableThatCannotGrowRefusesAndKeepsTheTruth) {
  System::reset();
  Grower grower;
  std::set<std::size_t> model;
  const std::size_t capacity = System::page_size() / sizeof(Range);
  const auto grow_at = [&](std::size_t at) {
    grower.next_page = at;
    const Result<Range> growth = grower.grow(page);
    if (growth.ok()) model.insert(at);
    return growth.error;
  };
  for (std::size_t i = 0; i + 1 < capacity; ++i) ASSERT_EQ(grow_at(4 * i), no_error);
  ASSERT_EQ(System::calls, 1u);
  for (std::size_t k = 1; k <= 4; ++k) System::fail_at(test::Operation::remap, k, Error{EAGAIN});
  EXPECT_EQ(grow_at(4 * capacity), Error{EAGAIN});
  EXPECT_EQ(grower.extend(pages(1, 0).begin, page).error, Error{EAGAIN});
  EXPECT_EQ(grower.give_back(pages(0, 1)), Error{EAGAIN});
  EXPECT_EQ(grower.remap(pages(0, 1), page).error, Error{EAGAIN});
  expect_agreement(grower, model);
  EXPECT_EQ(grow_at(4 * capacity), no_error);  // and now it can
  expect_agreement(grower, model);
  EXPECT_EQ(System::mapped, 2 * System::page_size());
}

// Random growths, returns and moves of pages, against a set of pages; the table doubles several times, and now and
// then is not allowed to.
TEST(Tracked, AgreesWithASetOfPages) {
  std::mt19937_64 random{test::seed()};
  System::reset();
  Grower grower;
  std::set<std::size_t> model;
  const auto all_are = [&](bool in, std::size_t first, std::size_t count) {
    for (std::size_t i = first; i < first + count; ++i) {
      if (model.contains(i) != in) return false;
    }
    return true;
  };
  const auto put = [&](std::size_t first, std::size_t count) {
    for (std::size_t i = first; i < first + count; ++i) model.insert(i);
  };
  const auto drop = [&](std::size_t first, std::size_t count) {
    for (std::size_t i = first; i < first + count; ++i) model.erase(i);
  };
  for (int step = 0; step < 60'000; ++step) {
    const std::size_t first = random() % Pages::count;
    const std::size_t count = random() % 3 + 1;
    const std::size_t target = random() % Pages::count;
    if (random() % 64 == 0) System::fail_at(test::Operation::remap, 1);
    grower.next_page = first;
    if (all_are(false, first, count)) {
      const bool at_an_end = first != 0 && model.contains(first - 1);
      const Result<Range> growth =
          at_an_end ? grower.extend(pages(first, 0).begin, count * page) : grower.grow(count * page);
      if (growth.ok()) put(first, count);
    } else if (all_are(true, first, count)) {
      grower.next_page = target;
      if (random() % 2 == 0) {
        if (!grower.give_back(pages(first, count))) drop(first, count);
      } else if (all_are(false, target, 1)) {
        if (grower.remap(pages(first, count), page).ok()) drop(first, count), put(target, 1);
      }
    }
    ASSERT_EQ(grower.owns(pages(first, count)), all_are(true, first, count)) << step;
    if (step % 500 != 0) continue;
    ASSERT_NO_FATAL_FAILURE(expect_agreement(grower, model)) << step;
  }
  expect_agreement(grower, model);
  EXPECT_GT(System::mapped, 2 * System::page_size());
  EXPECT_GT(System::failures, 0u);
}

}  // namespace
}  // namespace basalt
