// What is written, byte for byte where it matters; tests/process/profile_test.py reads whole profiles back.

#include "observe/pprof.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace basalt::observe {
namespace {

// Returns: what `write` writes, with a buffer that is full after every four bytes.
template <class Write>
std::string written(Write&& write) {
  std::string all;
  const auto out = [&all](const std::byte* bytes, std::size_t size) {
    all.append(reinterpret_cast<const char*>(bytes), size);
  };
  Protobuf<4, decltype(out)> message{out};
  write(message);
  message.flush();
  return all;
}

TEST(Protobuf, NumbersAreWrittenSevenBitsAtATime) {
  EXPECT_EQ(written([](auto& message) { message.number(1, 1); }), "\x08\x01");
  EXPECT_EQ(written([](auto& message) { message.number(2, 300); }), "\x10\xac\x02");
  EXPECT_EQ(written([](auto& message) { message.number(1, UINT64_MAX); }),
            "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
  EXPECT_EQ(written([](auto& message) { message.number(1, 0); }), "")
      << "0 is what a field is that is not there";
}

TEST(Protobuf, TextsComeWithTheirLengths) {
  EXPECT_EQ(written([](auto& message) { message.text(6, "space"); }), "\x32\x05space");
  EXPECT_EQ(written([](auto& message) { message.text(6, ""); }), std::string("\x32\0", 2));
}

TEST(Protobuf, AMessageInsideOfAnotherIsMadeApart) {
  Submessage<8> inner;
  inner.number(1, 7);
  inner.varint(200);
  EXPECT_EQ(written([&](auto& message) { message.bytes(3, inner.data(), inner.size()); }),
            "\x1a\x04\x08\x07\xc8\x01");
}

class PprofTest : public testing::Test {
 protected:
  std::string profile() {
    copy_.sites = sites_.data();
    copy_.site_count = sites_.size();
    copy_.images = images_.data();
    copy_.image_count = images_.size();
    copy_.calls = calls_.data();
    std::string all;
    const auto out = [&all](const std::byte* bytes, std::size_t size) {
      all.append(reinterpret_cast<const char*>(bytes), size);
    };
    const auto writer = std::make_unique<PprofWriter<decltype(out)>>(copy_, out);
    writer->write();
    return all;
  }

  void add_site(std::vector<std::uintptr_t> calls, std::uint64_t objects, std::uint64_t bytes) {
    Site site;
    site.count = static_cast<std::uint32_t>(calls.size());
    std::copy(calls.begin(), calls.end(), site.calls);
    site.allocated = {objects * 256, bytes * 256 + 127};  // less than half a byte is left out
    site.in_use = {256, 2 * 256 + 128};
    sites_.push_back(site);
  }

  void add_image(const char* path, std::uintptr_t begin, std::uintptr_t end) {
    Image image;
    image.begin = begin;
    image.end = end;
    std::strcpy(image.path, path);
    images_.push_back(image);
  }

  std::vector<Site> sites_;
  std::vector<Image> images_;
  std::vector<std::uintptr_t> calls_ = std::vector<std::uintptr_t>(8 * Site::most_calls);
  ProfileCopy copy_;
};

TEST_F(PprofTest, ASampleHasItsCallsAndFourValues) {
  add_image("/bin/program", 0x1000, 0x2000);
  add_site({0x1800, 0x1400}, 5, 100);
  // location 1 is 0x1400, location 2 is 0x1800: the sample names the inner one first
  EXPECT_NE(profile().find("\x12\x0a\x0a\x02\x02\x01\x12\x04\x05\x64\x01\x03"), std::string::npos);
}

TEST_F(PprofTest, ACallThatManySitesShareIsOneLocation) {
  add_image("/bin/program", 0x1000, 0x2000);
  add_site({0x1800, 0x1400}, 1, 1);
  add_site({0x1c00, 0x1400}, 1, 1);
  const std::string all = profile();
  const std::string location = "\x08\x01\x10\x01\x18\x80\x28";  // 0x1400
  const std::size_t first = all.find(location);
  ASSERT_NE(first, std::string::npos);
  EXPECT_EQ(all.find(location, first + 1), std::string::npos);
}

TEST_F(PprofTest, CallsInsideTheLibraryAreLeftOutAtTheInnerEnd) {
  add_image("/bin/program", 0x1000, 0x2000);
  add_image("/lib/libbasalt.so", 0x4000, 0x5000);
  add_site({0x4100, 0x4200, 0x1800, 0x4300}, 1, 1);
  // locations: 0x1800, 0x4100, 0x4200, 0x4300
  EXPECT_NE(profile().find("\x0a\x02\x01\x04\x12\x04"), std::string::npos);
}

TEST_F(PprofTest, ACallInNoImageHasAMappingAsWell) {
  add_image("/bin/program", 0x1000, 0x2000);
  add_site({0x9000}, 1, 1);
  EXPECT_NE(profile().find("\x08\x01\x10\x02\x18\x80\xa0\x02"), std::string::npos);
  EXPECT_NE(profile().find(std::string("\x1a\x02\x08\x02", 4)), std::string::npos)
      << "mapping 2, without a name";
}

TEST_F(PprofTest, WithoutASampleThereIsAProfileNevertheless) {
  const std::string all = profile();
  EXPECT_NE(all.find("inuse_space"), std::string::npos);
  EXPECT_NE(all.find("basalt: 0 requests sampled, 0 of them not followed"), std::string::npos);
}

}  // namespace
}  // namespace basalt::observe
