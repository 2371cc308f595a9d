// Control groups as they are found in the wild, laid out below a directory of the test's own.

#include "platform/container.hpp"

#include <gtest/gtest.h>

#include <sched.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/bits.hpp"
#include "support/in_child.hpp"

namespace basalt {
namespace {

class ControlGroups : public testing::Test {
 protected:
  ControlGroups() {
    char name[] = "/tmp/basalt-cgroup-XXXXXX";
    root_ = mkdtemp(name);
  }
  ~ControlGroups() override { std::filesystem::remove_all(root_); }

  void file(const std::string& name, const std::string& content) {
    const std::filesystem::path path = root_ + name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream{path} << content;
  }
  void group(const std::string& name, const std::string& content) { file("/sys/fs/cgroup" + name, content); }
  void member_of(const std::string& lines) { file("/proc/self/cgroup", lines); }

  Allowance allowed() { return control_group_allowance(root_.c_str()); }

  std::string root_;
};

TEST_F(ControlGroups, WithoutAnyThereIsNoLimit) {
  EXPECT_EQ(allowed().memory, SIZE_MAX);
  EXPECT_EQ(allowed().processors, 0U);
  member_of("0::/\n");
  EXPECT_EQ(allowed().memory, SIZE_MAX);
  member_of("");
  EXPECT_EQ(allowed().memory, SIZE_MAX);
}

TEST_F(ControlGroups, TheRootsLimitCountsInAContainer) {
  member_of("0::/\n");
  group("/memory.max", "536870912\n");
  group("/memory.high", "max\n");
  group("/cpu.max", "200000 100000\n");
  EXPECT_EQ(allowed().memory, 512 * MiB);
  EXPECT_EQ(allowed().processors, 2U);
  group("/memory.high", "268435456\n");
  EXPECT_EQ(allowed().memory, 256 * MiB) << "above it the kernel slows the process down";
}

TEST_F(ControlGroups, TheLowestOnTheWayUpCounts) {
  member_of("0::/a.slice/b.scope\n");
  group("/a.slice/b.scope/memory.max", "1073741824\n");
  group("/a.slice/b.scope/cpu.max", "max 100000\n");
  EXPECT_EQ(allowed().memory, GiB);
  EXPECT_EQ(allowed().processors, 0U);
  group("/a.slice/memory.max", "104857600\n");
  group("/a.slice/cpu.max", "150000 100000\n");
  EXPECT_EQ(allowed().memory, 100 * MiB);
  EXPECT_EQ(allowed().processors, 2U) << "one and a half";
  group("/cpu.max", "10000 100000\n");
  EXPECT_EQ(allowed().processors, 1U) << "a tenth";
  group("/a.slice/c/memory.max", "1\n");
  EXPECT_EQ(allowed().memory, 100 * MiB) << "a sibling's";
}

TEST_F(ControlGroups, ADirectoryThatTheContainerDoesNotSeeIsPassedOver) {
  member_of("0::/docker/0123456789abcdef\n");
  group("/memory.max", "536870912\n");
  EXPECT_EQ(allowed().memory, 512 * MiB);
}

TEST_F(ControlGroups, OfVersion1HaveAHierarchyForEachController) {
  member_of("12:cpuset:/\n7:cpu,cpuacct:/pod/x\n4:memory:/pod/x\n1:name=systemd:/pod\n0::/\n");
  group("/memory/pod/x/memory.limit_in_bytes", "9223372036854771712\n");
  group("/cpu/pod/x/cpu.cfs_quota_us", "-1\n");
  group("/cpu/pod/x/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(allowed().memory, SIZE_MAX);
  EXPECT_EQ(allowed().processors, 0U);
  group("/memory/pod/memory.limit_in_bytes", "2147483648\n");
  group("/cpu/pod/cpu.cfs_quota_us", "400000\n");
  group("/cpu/pod/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(allowed().memory, 2 * GiB);
  EXPECT_EQ(allowed().processors, 4U);
}

TEST_F(ControlGroups, NonsenseIsNoLimit) {
  group("/memory.max", "much\n");
  group("/cpu.max", "100000 0\n");
  for (const char* const lines :
       {"0::/", "0:", "::", "\n\n\n", "0", ":memory", "1:memory:no-slash\n", "0::/../../..\n"}) {
    member_of(lines);
    EXPECT_EQ(allowed().memory, SIZE_MAX) << lines;
    EXPECT_EQ(allowed().processors, 0U) << lines;
  }
  group("/memory.max", "99999999999999999999999\n");
  member_of("0::/\n");
  EXPECT_EQ(allowed().memory, SIZE_MAX);
}

TEST_F(ControlGroups, NamesThatAreTooLongAreNotCutIntoOthers) {
  group("/memory.max", "536870912\n");
  member_of("0::/" + std::string(1500, 'x') + "\n");
  EXPECT_EQ(allowed().memory, 512 * MiB) << "the root's";
  EXPECT_EQ(control_group_allowance(std::string(1000, 'r').c_str()).memory, SIZE_MAX);
}

TEST(Allowances, HaveNoMoreProcessorsThanTheThreadMayRunOn) {
  EXPECT_GE(allowance().processors, 1U);
  const auto on_one = [] {
    cpu_set_t one;
    CPU_ZERO(&one);
    const int here = ::sched_getcpu();
    CPU_SET(here < 0 ? 0U : static_cast<unsigned>(here), &one);
    return ::sched_setaffinity(0, sizeof one, &one) == 0 && allowance().processors == 1 ? 0 : 1;
  };
  EXPECT_EQ(test::in_child(on_one), 0);
}

}  // namespace
}  // namespace basalt
