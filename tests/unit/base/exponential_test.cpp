#include "base/exponential.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "platform/entropy.hpp"

namespace basalt {
namespace {

TEST(Exponential, LogarithmIsThatOfTheLibrary) {
  for (double x = 1e-17; x < 1e17; x *= 1.37) {
    EXPECT_NEAR(logarithm(x), std::log(x), 1e-12 * std::abs(std::log(x)) + 1e-15) << x;
  }
  EXPECT_EQ(logarithm(1), 0);
}

TEST(Exponential, OneLessExponentialIsThatOfTheLibrary) {
  for (double x = 1e-9; x < 1e3; x *= 1.21) {
    EXPECT_NEAR(one_less_exponential(x), -std::expm1(-x), -1e-12 * std::expm1(-x)) << x;
  }
  EXPECT_EQ(one_less_exponential(0), 0);
}

TEST(Exponential, SamplesAreAsFarApartAsAsked) {
  constexpr int draws = 100'000;
  constexpr std::size_t period = 4096;
  double sum = 0;
  int beyond = 0;  // twice the period, which is e^-2 of them
  for (std::uint64_t i = 0; i < draws; ++i) {
    const std::uint64_t bytes = bytes_to_next_sample(period, mixed_bits(i + 1));
    EXPECT_GE(bytes, 1U);
    sum += static_cast<double>(bytes);
    beyond += bytes > 2 * period ? 1 : 0;
  }
  EXPECT_NEAR(sum / draws, 4096.5, 4 * 4096 / std::sqrt(draws));
  EXPECT_NEAR(beyond / double{draws}, std::exp(-2.0), 0.005);
}

TEST(Exponential, TheLeastAndTheLargestRandomNumberAreGoodToo) {
  EXPECT_GT(bytes_to_next_sample(4096, 0), 36 * 4096U);
  EXPECT_EQ(bytes_to_next_sample(4096, UINT64_MAX), 1U);
  EXPECT_GT(bytes_to_next_sample(SIZE_MAX, 0), SIZE_MAX / 32);
}

TEST(Exponential, APeriodOfOneIsEveryRequest) {
  EXPECT_EQ(bytes_to_next_sample(1, 12345), 1U);
  EXPECT_EQ(requests_for_sample(1, 1), 1);
}

}  // namespace
}  // namespace basalt
