#include "engine/idle_bound.hpp"

#include <gtest/gtest.h>

namespace basalt::engine {
namespace {

constexpr std::size_t wish = 32 * MiB;

TEST(IdleBound, IsWhatIsWishedForAtFirst) {
  const IdleBound bound;
  EXPECT_EQ(bound.bytes(wish, 0), wish);
  EXPECT_EQ(bound.bytes(GiB, 8 * GiB), GiB);
}

// Purges, lets so many bytes without pages be handed out, and lets that be judged.
void purge_and_use(IdleBound& bound, std::size_t purged, std::size_t fresh) {
  bound.note({.before = purged, .wanted = 0, .left = 0});
  bound.note_fresh(fresh);
  bound.judge();
}

TEST(IdleBound, DoublesWhileWhatWasPurgedIsWantedAgain) {
  IdleBound bound;
  purge_and_use(bound, 16 * MiB, 16 * MiB);
  EXPECT_EQ(bound.bytes(wish, 0), 64 * MiB);
  purge_and_use(bound, 16 * MiB, 8 * MiB);
  EXPECT_EQ(bound.bytes(wish, 0), 128 * MiB);
  for (int i = 0; i < 10; ++i) purge_and_use(bound, 16 * MiB, GiB);
  EXPECT_EQ(bound.bytes(wish, 0), 256 * MiB);
}

TEST(IdleBound, DecaysWhenWhatWasPurgedIsNotWanted) {
  IdleBound bound;
  purge_and_use(bound, 16 * MiB, 16 * MiB);
  purge_and_use(bound, 16 * MiB, 4 * MiB);
  EXPECT_EQ(bound.bytes(wish, 0), 64 * MiB);
  purge_and_use(bound, 16 * MiB, MiB);
  EXPECT_EQ(bound.bytes(wish, 0), 32 * MiB);
  purge_and_use(bound, 16 * MiB, 0);
  EXPECT_EQ(bound.bytes(wish, 0), 32 * MiB);
}

TEST(IdleBound, OnePurgeIsJudgedOnce) {
  IdleBound bound;
  purge_and_use(bound, 16 * MiB, 16 * MiB);
  bound.judge();
  bound.judge();
  EXPECT_EQ(bound.bytes(wish, 0), 64 * MiB);
}

TEST(IdleBound, WhatCannotBePurgedIsLeftAloneUntilThereIsMore) {
  IdleBound bound;
  bound.note({.before = 51 * MiB, .wanted = 16 * MiB, .left = 50 * MiB});
  EXPECT_EQ(bound.bytes(wish, 100 * MiB), 66 * MiB);
  EXPECT_EQ(bound.bytes(wish, 50 * MiB), 50 * MiB) << "it is stuck between what is in use";
  EXPECT_EQ(bound.bytes(wish, 0), 32 * MiB);
  bound.note({.before = 50 * MiB, .wanted = 20 * MiB, .left = 20 * MiB});
  EXPECT_EQ(bound.bytes(wish, 100 * MiB), 32 * MiB);
}

TEST(IdleBound, CoolsAtOnceWhenAllIsPurged) {
  IdleBound bound;
  purge_and_use(bound, 16 * MiB, 16 * MiB);
  bound.cool();
  EXPECT_EQ(bound.bytes(wish, 0), 32 * MiB);
}

}  // namespace
}  // namespace basalt::engine
