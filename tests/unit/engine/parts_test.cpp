#include "engine/parts.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <vector>

#include "platform/raw_os.hpp"

namespace basalt::engine {
namespace {

TEST(Parts, LocksAreTakenInOneOrderAndReleasedInTheOther) {
  auto parts = std::make_unique<Parts<RawOs>>();
  ASSERT_TRUE(parts->space.ready());
  ASSERT_NE(parts->pool.take(parts->space), nullptr);
  ASSERT_NE(parts->pool.take(parts->space), nullptr);
  std::vector<const Lock*> taken;
  std::vector<const Lock*> released;
  parts->each_lock_to_take([&](Lock& lock) { taken.push_back(&lock); });
  parts->each_lock_to_release([&](Lock& lock) { released.push_back(&lock); });
  const std::vector<const Lock*> order{
      &parts->shared_lock,    &parts->pool.lock(),    &parts->pool.heap(1).lock, &parts->pool.heap(2).lock,
      &parts->objects.lock(), &parts->guarded.lock(), &parts->space.lock()};
  EXPECT_EQ(taken, order);
  EXPECT_EQ(std::multiset<const Lock*>(released.begin(), released.end()),
            std::multiset<const Lock*>(taken.begin(), taken.end()));
}

TEST(Parts, WhatAHeapTakesIsSeenOnTheWalk) {
  auto parts = std::make_unique<Parts<RawOs>>();
  ASSERT_TRUE(parts->space.ready());
  Heap<RawOs>* const heap = parts->pool.take(parts->space);
  ASSERT_NE(heap, nullptr);
  ASSERT_NE(heap->refill(class_of(100)), nullptr);
  Statistics now;
  parts->walk(now);
  EXPECT_EQ(now.broken_law(), nullptr);
  EXPECT_EQ(now.spans.live, slot_bytes(class_of(100)));
  EXPECT_EQ(heap->figures.live, now.spans.live);
  EXPECT_EQ(parts->broken_law(), nullptr);
}

}  // namespace
}  // namespace basalt::engine
