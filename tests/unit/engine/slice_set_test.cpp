#include "engine/slice_set.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bitset>

#include "support/seed.hpp"

namespace basalt::engine {
namespace {

using Model = std::bitset<slices_per_chunk>;

unsigned next(const Model& model, unsigned from, bool in) {
  while (from < slices_per_chunk && model[from] != in) ++from;
  return std::min(from, slices_per_chunk);
}

unsigned find_run(const Model& model, unsigned count, unsigned alignment) {
  for (unsigned first = 0; first + count <= slices_per_chunk; first += alignment) {
    if (next(model, first, false) >= first + count) return first;
  }
  return SliceSet::none;
}

TEST(SliceSet, AnswersAsABitsetDoes) {
  test::Dice dice{test::seed()};
  Model model;
  Model other_model;
  SliceSet set;
  SliceSet other;
  for (int step = 0; step < 20'000; ++step) {
    const auto first = static_cast<unsigned>(dice.below(slices_per_chunk));
    const auto most = dice.one_in(4) ? slices_per_chunk - first : std::min(slices_per_chunk - first, 9U);
    const auto count = static_cast<unsigned>(dice.below(most + 1));
    const bool into_other = dice.one_in(3);
    const bool add = dice.one_in(2);
    for (unsigned i = first; i < first + count; ++i) (into_other ? other_model : model)[i] = add;
    SliceSet& changed = into_other ? other : set;
    add ? changed.add(first, count) : changed.remove(first, count);

    ASSERT_EQ(set.count(), model.count());
    ASSERT_EQ((set & other).count(), (model & other_model).count());
    ASSERT_EQ(set.next_in(first), next(model, first, true));
    ASSERT_EQ(set.next_out(first), next(model, first, false));
    const unsigned alignment = 1U << dice.below(8);
    const auto run = static_cast<unsigned>(1 + dice.below(dice.one_in(2) ? 8 : slices_per_chunk));
    ASSERT_EQ(set.find_run(run, alignment), find_run(model, run, alignment));
  }
}

TEST(SliceSet, TheEndIsTheEnd) {
  SliceSet set;
  EXPECT_EQ(set.next_in(0), SliceSet::none);
  EXPECT_EQ(set.next_out(slices_per_chunk), slices_per_chunk);
  set.add(0, slices_per_chunk);
  EXPECT_EQ(set.next_out(0), slices_per_chunk);
  EXPECT_EQ(set.find_run(slices_per_chunk, 1), 0U);
  EXPECT_EQ(set.find_run(slices_per_chunk, slices_per_chunk), 0U);
  set.remove(255, 1);
  EXPECT_EQ(set.find_run(slices_per_chunk, 1), SliceSet::none);
}

}  // namespace
}  // namespace basalt::engine
