// The functions of basalt.h that are malloc's under names of their own.
#include <basalt/basalt.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace {

TEST(CApi, SaysWhatItIs) {
  EXPECT_NE(std::string{basalt_version()}, "");
  EXPECT_NE(std::string{basalt_name()}, "");
}

TEST(CApi, CallocGivesZeroes) {
  void* const dirty = basalt_malloc(300);
  std::memset(dirty, 0xff, 300);
  basalt_free(dirty);
  auto* const block = static_cast<unsigned char*>(basalt_calloc(3, 100));
  ASSERT_NE(block, nullptr);
  for (int i = 0; i < 300; ++i) ASSERT_EQ(block[i], 0) << i;
  EXPECT_GE(basalt_usable_size(block), 300U);
  basalt_free(block);
  EXPECT_EQ(basalt_calloc(SIZE_MAX / 2, 3), nullptr);
}

TEST(CApi, AlignedAllocKeepsTheAlignmentAndRefusesWhatIsNone) {
  void* const block = basalt_aligned_alloc(4096, 100);
  ASSERT_NE(block, nullptr);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % 4096, 0U);
  EXPECT_EQ(basalt_owns(block), 1);
  basalt_free(block);
  EXPECT_EQ(basalt_aligned_alloc(24, 100), nullptr);
}

TEST(CApi, TrimSaysWhetherAnythingWentBack) {
  std::vector<void*> blocks;
  for (int i = 0; i < 64; ++i) blocks.push_back(basalt_malloc(16 << 10));
  for (void* const block : blocks) basalt_free(block);
  EXPECT_EQ(basalt_trim(), 1);
  EXPECT_EQ(basalt_trim(), 0) << "it is gone already";
}

}  // namespace
