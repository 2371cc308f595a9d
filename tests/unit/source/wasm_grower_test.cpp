#include "source/wasm_grower.hpp"

#include <gtest/gtest.h>

#include "support/fake_wasm_memory.hpp"

namespace basalt {
namespace {

using Memory = test::FakeWasmMemory;

TEST(WasmGrower, GrowsAtTheEndInPagesOf64KiB) {
  Memory::reset();
  WasmGrower<Memory> grower;
  EXPECT_EQ(grower.page_size(), 64 * KiB);
  const Range first = grower.grow(1).value;
  EXPECT_EQ(first.size, 64 * KiB);
  const Range second = grower.grow(64 * KiB + 1).value;
  EXPECT_EQ(second, (Range{first.end(), 128 * KiB}));
  EXPECT_EQ(grower.pages(), 3u);
}

TEST(WasmGrower, ExtendsUnlessSomebodyElseHasGrownTheMemory) {
  Memory::reset();
  WasmGrower<Memory> grower;
  const Range first = grower.grow(1).value;
  const Range second = grower.extend(first.end(), 1).value;
  EXPECT_EQ(second.begin, first.end());
  ASSERT_TRUE(Memory::grow(1).ok());
  EXPECT_EQ(grower.extend(second.end(), 1).error, out_of_memory);
  EXPECT_EQ(grower.grow(1).value.begin, second.end() + 64 * KiB);
}

TEST(WasmGrower, RefusesWhatTheHostRefuses) {
  Memory::reset();
  WasmGrower<Memory> grower;
  EXPECT_EQ(grower.grow(Memory::most_pages * 64 * KiB + 1).error, out_of_memory);
  EXPECT_EQ(grower.pages(), 0u);
  EXPECT_TRUE(grower.grow(Memory::most_pages * 64 * KiB).ok());
  EXPECT_EQ(grower.grow(1).error, out_of_memory);
  Memory::reset();
}

}  // namespace
}  // namespace basalt
