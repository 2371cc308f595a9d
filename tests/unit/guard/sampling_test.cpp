#include "guard/sampling.hpp"

#include <gtest/gtest.h>

namespace basalt::guard {
namespace {

TEST(Sampling, OneWordHoldsIt) {
  const Sampling kept = Sampling::from(Sampling{100, 32}.word());
  EXPECT_EQ(kept.rate, 100U);
  EXPECT_EQ(kept.slots, 32U);
}

TEST(Sampling, ThatIsOffIsOneWordWhateverItsSlots) {
  EXPECT_EQ((Sampling{0, 32}.word()), Sampling::off);
  EXPECT_EQ((Sampling{0, 0}.word()), Sampling::off);
}

TEST(Sampling, HasBounds) {
  EXPECT_TRUE((Sampling{1, 1}.valid()));
  EXPECT_TRUE((Sampling{Sampling::most_rate, Sampling::most_slots}.valid()));
  EXPECT_FALSE((Sampling{Sampling::most_rate + 1, 1}.valid()));
  EXPECT_FALSE((Sampling{1, 0}.valid()));
  EXPECT_FALSE((Sampling{1, Sampling::most_slots + 1}.valid()));
  EXPECT_TRUE((Sampling{0, 0}.valid())) << "what is off needs no slots";
}

TEST(Sampling, CountsDownFromWithinTwiceTheRate) {
  EXPECT_EQ(next_countdown(1, 12345), 1U);
  EXPECT_EQ(next_countdown(100, 0), 1U);
  EXPECT_EQ(next_countdown(100, 198), 199U);
  EXPECT_EQ(next_countdown(100, 199), 1U);
}

}  // namespace
}  // namespace basalt::guard
