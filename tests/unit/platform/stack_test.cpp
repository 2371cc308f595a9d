#include "platform/stack.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "platform/modules.hpp"
#include "platform/raw_os.hpp"

namespace basalt {
namespace {

TEST(Stack, FollowsFramesUpwards) {
  std::uintptr_t frames[6] = {};
  const auto at = [&](unsigned i) { return reinterpret_cast<std::uintptr_t>(&frames[i]); };
  frames[0] = at(2), frames[1] = 0x10001;
  frames[2] = at(4), frames[3] = 0x20001;
  frames[4] = 0, frames[5] = 0x30001;
  Stack stack;
  stack.walk(0x5000, at(0));
  ASSERT_EQ(stack.count, 4U);
  const std::uintptr_t expected[] = {0x5000, 0x10000, 0x20000, 0x30000};
  EXPECT_EQ(std::memcmp(stack.calls, expected, sizeof expected), 0);
  EXPECT_EQ(stack.thread, thread_number());
}

TEST(Stack, EndsWhereAFramePointerIsNone) {
  const std::uintptr_t page = RawOs::page_size();
  for (const std::uintptr_t wild :
       {std::uintptr_t{0}, std::uintptr_t{8}, page, page + 8, std::uintptr_t{0xdead'beef'dead'bee8},
        std::uintptr_t{12345}, UINTPTR_MAX, UINTPTR_MAX - 7}) {
    Stack stack;
    stack.walk(0x5000, wild);
    EXPECT_EQ(stack.count, 1U) << wild;
  }
}

TEST(Stack, EndsWhereFramesGoDownOrRoundOrFarAway) {
  std::uintptr_t frames[4] = {};
  const auto at = [&](unsigned i) { return reinterpret_cast<std::uintptr_t>(&frames[i]); };
  for (const std::uintptr_t above : {at(0), at(2), at(2) + (std::uintptr_t{1} << 30)}) {
    frames[2] = above, frames[3] = 0x10001;
    Stack stack;
    stack.walk(0, at(2));
    EXPECT_EQ(stack.count, 1U) << above;
  }
}

TEST(Stack, IsNoLongerThanThereIsRoom) {
  std::uintptr_t frames[100];
  for (unsigned i = 0; i < 98; i += 2) {
    frames[i] = reinterpret_cast<std::uintptr_t>(&frames[i + 2]);
    frames[i + 1] = 0x10001;
  }
  frames[98] = 0, frames[99] = 0x10001;
  Stack stack;
  stack.walk(0, reinterpret_cast<std::uintptr_t>(&frames[0]));
  EXPECT_EQ(stack.count, Stack::most);
}

TEST(Readable, AsksTheKernel) {
  const Result<std::byte*> place = RawOs::reserve(2 * RawOs::page_size());
  ASSERT_TRUE(place.ok());
  EXPECT_FALSE(readable(address_of(place.value)));
  ASSERT_FALSE(RawOs::open({place.value, RawOs::page_size()}));
  EXPECT_TRUE(readable(address_of(place.value)));
  *place.value = std::byte{1};
  ASSERT_FALSE(RawOs::close({place.value, RawOs::page_size()}));
  EXPECT_FALSE(readable(address_of(place.value)));
  ASSERT_FALSE(RawOs::open({place.value, RawOs::page_size()}));
  EXPECT_EQ(*place.value, std::byte{0});
  (void)RawOs::unmap({place.value, 2 * RawOs::page_size()});
}

TEST(Modules, NameTheFilesOfAddresses) {
  int local = 0;
  const std::uintptr_t addresses[] = {reinterpret_cast<std::uintptr_t>(&find_modules), 8,
                                      reinterpret_cast<std::uintptr_t>(&local),
                                      reinterpret_cast<std::uintptr_t>(&find_modules)};
  Module found[std::size(addresses)];
  find_modules(addresses, std::size(addresses), found);
  EXPECT_NE(std::strstr(found[0].file, "unit_tests"), nullptr) << found[0].file;
  EXPECT_FALSE(found[0].ours());
  EXPECT_STREQ(found[1].file, "");
  EXPECT_STREQ(found[2].file, "[stack]");
  EXPECT_STREQ(found[3].file, found[0].file);
  EXPECT_EQ(found[3].offset, found[0].offset);
}

TEST(Modules, AreOursByTheNameOfTheFile) {
  Module module;
  std::strcpy(module.file, "/usr/lib/libbasalt.so");
  EXPECT_TRUE(module.ours());
  std::strcpy(module.file, "libbasalt-hardened.so");
  EXPECT_TRUE(module.ours());
  std::strcpy(module.file, "/opt/libbasalt/bin/program");
  EXPECT_FALSE(module.ours());
}

}  // namespace
}  // namespace basalt
