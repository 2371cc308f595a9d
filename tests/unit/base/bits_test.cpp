#include "base/bits.hpp"

#include <gtest/gtest.h>

#include "base/compiler.hpp"

namespace basalt {
namespace {

TEST(Bits, SumsAndProductsSaturate) {
  EXPECT_EQ(add_saturating(2, 3), 5u);
  EXPECT_EQ(add_saturating(SIZE_MAX, 0), SIZE_MAX);
  EXPECT_EQ(add_saturating(SIZE_MAX, 1), SIZE_MAX);
  EXPECT_EQ(add_saturating(SIZE_MAX - 1, 5), SIZE_MAX);
  EXPECT_EQ(multiply_saturating(6, 7), 42u);
  EXPECT_EQ(multiply_saturating(SIZE_MAX, 0), 0u);
  EXPECT_EQ(multiply_saturating(SIZE_MAX / 2 + 1, 2), SIZE_MAX);
}

TEST(Bits, LieInWordsOf64) {
  EXPECT_EQ(bit_of(0), 1u);
  EXPECT_EQ(bit_of(63), std::uint64_t{1} << 63);
  EXPECT_EQ(bit_of(130), 4u);
}

TEST(Bits, TellWhenTheyAreSetTwice) {
  for (unsigned n = 0; n < 200; ++n) {
    std::uint64_t word = 0;
    EXPECT_FALSE(set_bit(word, n)) << n;
    EXPECT_EQ(word, bit_of(n)) << n;
    EXPECT_TRUE(set_bit(word, n)) << n;
    EXPECT_FALSE(set_bit(word, n + 1)) << n;
    EXPECT_EQ(word, bit_of(n) | bit_of(n + 1)) << n;
  }
}

TEST(Bits, PowersOfTwo) {
  EXPECT_FALSE(is_power_of_two(0));
  EXPECT_TRUE(is_power_of_two(1));
  EXPECT_TRUE(is_power_of_two(SIZE_MAX / 2 + 1));
  EXPECT_FALSE(is_power_of_two(3));
  EXPECT_FALSE(is_power_of_two(SIZE_MAX));
}

TEST(Bits, RoundingIsTightAndSaturates) {
  for (std::size_t alignment = 1; alignment <= 4096; alignment *= 2) {
    for (std::size_t value = 0; value < 3 * alignment; ++value) {
      const std::size_t up = align_up(value, alignment);
      const std::size_t down = align_down(value, alignment);
      ASSERT_EQ(up % alignment, 0u);
      ASSERT_EQ(down % alignment, 0u);
      ASSERT_TRUE(up >= value && up - value < alignment);
      ASSERT_TRUE(down <= value && value - down < alignment);
    }
  }
  EXPECT_EQ(align_up(SIZE_MAX, 8), SIZE_MAX);
  EXPECT_EQ(align_up(SIZE_MAX - 6, 8), SIZE_MAX);
  EXPECT_EQ(align_up(SIZE_MAX - 7, 8), SIZE_MAX - 7);
}

TEST(Bits, PointersAreRoundedAsTheirAddressesAre) {
  alignas(64) std::byte place[192];
  for (std::size_t at = 64; at <= 128; ++at) {
    EXPECT_EQ(align_up(place + at, 64), place + align_up(at, 64));
    EXPECT_EQ(align_down(place + at, 64), place + align_down(at, 64));
    EXPECT_EQ(is_aligned(place + at, 64), at % 64 == 0);
  }
}

}  // namespace
}  // namespace basalt
