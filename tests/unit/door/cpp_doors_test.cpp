// std::pmr and standard containers over every kitchen.
#include <gtest/gtest.h>
#include <basalt/allocator.hpp>
#include <basalt/pmr.hpp>

#include <list>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "kitchens.hpp"

namespace {

using basalt::MemoryResource;
using basalt::StdAllocator;

template <class Door>
class CppDoors : public ::testing::Test {
 protected:
  static typename Door::Kitchen& heap() { return Door::heap; }

  void SetUp() override { live_before_ = heap().stats().live_bytes; }
  void TearDown() override { EXPECT_EQ(heap().stats().live_bytes, live_before_); }

  std::size_t live_before_ = 0;
};

TYPED_TEST_SUITE(CppDoors, kitchens::All);

TYPED_TEST(CppDoors, PmrContainersLiveInTheHeap) {
  MemoryResource resource{this->heap()};
  std::pmr::unordered_map<int, std::pmr::string> words{&resource};
  for (int i = 0; i < 300; ++i) words.emplace(i, "a string too long to be kept inside of itself");
  EXPECT_GT(this->heap().stats().live_bytes, this->live_before_ + 300 * 40);
  EXPECT_EQ(words.at(299).get_allocator().resource(), &resource);
}

TYPED_TEST(CppDoors, PmrHonoursAlignment) {
  MemoryResource resource{this->heap()};
  for (std::size_t alignment = 1; alignment <= 65536; alignment *= 4) {
    void* const p = resource.allocate(100, alignment);
    EXPECT_TRUE(basalt::is_aligned(p, alignment));
    resource.deallocate(p, 100, alignment);
  }
}

TYPED_TEST(CppDoors, PmrResourcesAreEqualBeforeTheSameHeapOnly) {
  using Heap = typename TypeParam::Kitchen;
  static Heap another;
  MemoryResource one{this->heap()};
  MemoryResource two{this->heap()};
  MemoryResource three{another};
  EXPECT_TRUE(one.is_equal(one));
  EXPECT_TRUE(one.is_equal(two));
  EXPECT_FALSE(one.is_equal(three));
  EXPECT_FALSE(one.is_equal(*std::pmr::new_delete_resource()));
  EXPECT_FALSE(std::pmr::new_delete_resource()->is_equal(one));
}

TYPED_TEST(CppDoors, PmrThrowsWhenThereIsNothing) {
  MemoryResource resource{this->heap()};
  EXPECT_THROW((void)resource.allocate(SIZE_MAX / 2, 16), std::bad_alloc);
}

TYPED_TEST(CppDoors, StandardContainersLiveInTheHeap) {
  using Heap = typename TypeParam::Kitchen;
  StdAllocator<int, Heap> allocator{this->heap()};
  std::vector<int, StdAllocator<int, Heap>> numbers{allocator};
  for (int i = 0; i < 10000; ++i) numbers.push_back(i);
  std::list<std::string, StdAllocator<std::string, Heap>> words{allocator};  // rebound
  for (int i = 0; i < 100; ++i) words.emplace_back("word");
  EXPECT_GT(this->heap().stats().live_bytes, this->live_before_ + 10000 * sizeof(int));
  EXPECT_EQ(numbers[9999], 9999);

  auto moved = std::move(numbers);
  auto copied = moved;
  EXPECT_EQ(copied.get_allocator(), allocator);
  copied.swap(moved);
  copied = std::move(moved);
  EXPECT_EQ(copied.size(), 10000u);
}

TYPED_TEST(CppDoors, AssignmentTakesTheAllocatorAlong) {
  using Heap = typename TypeParam::Kitchen;
  static Heap another;
  std::vector<int, StdAllocator<int, Heap>> here(100, 1, StdAllocator<int, Heap>{this->heap()});
  std::vector<int, StdAllocator<int, Heap>> there(200, 2, StdAllocator<int, Heap>{another});
  EXPECT_NE(here.get_allocator(), there.get_allocator());
  here.swap(there);
  EXPECT_EQ(&here.get_allocator().heap(), &another);
  here = there;
  EXPECT_EQ(&here.get_allocator().heap(), &this->heap());
  there = std::vector<int, StdAllocator<int, Heap>>(5, 3, StdAllocator<int, Heap>{another});
  EXPECT_EQ(there.size(), 5u);
}

TYPED_TEST(CppDoors, StandardAllocatorHonoursAlignmentAndLimits) {
  using Heap = typename TypeParam::Kitchen;
  struct alignas(4096) Page {
    char bytes[4096];
  };
  StdAllocator<Page, Heap> allocator{this->heap()};
  Page* const pages = allocator.allocate(3);
  EXPECT_TRUE(basalt::is_aligned(pages, 4096));
  allocator.deallocate(pages, 3);
  EXPECT_THROW((void)allocator.allocate(allocator.max_size() + 1), std::bad_array_new_length);
  EXPECT_THROW((void)allocator.allocate(SIZE_MAX), std::bad_array_new_length);
  EXPECT_THROW((void)allocator.allocate(allocator.max_size()), std::bad_alloc);
}

using CppDoorsDeath = ::testing::Test;

TEST(CppDoorsDeath, ABlockOfAnotherHeapEndsTheProgram) {
  static kitchens::Small::Kitchen another;
  MemoryResource resource{another};
  void* const p = kitchens::Small::Family::malloc(100);
  EXPECT_DEATH(resource.deallocate(p, 100),
               "^basalt: invalid pointer in deallocate: 0x[0-9a-f]+ was not allocated here\n");
  kitchens::Small::Family::free(p);
}

TEST(CppDoorsDeath, AWrongSizeEndsTheProgram) {
  StdAllocator<int, kitchens::Small::Kitchen> allocator{kitchens::Small::heap};
  int* const p = allocator.allocate(10);
  EXPECT_DEATH(
      allocator.deallocate(p, 20),
      "^basalt: invalid size in free_sized: 0x[0-9a-f]+ has 40 usable bytes and cannot have been asked "
      "for with 80\n");
  allocator.deallocate(p, 10);
}

}  // namespace
