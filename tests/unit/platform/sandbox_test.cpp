// RawOs where hardly any system call is allowed, as in a browser's renderer or a container with a strict filter.
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>

#include "basic/raw_alloc.hpp"
#include "platform/raw_os.hpp"
#include "source/mmap_grower.hpp"
#include "source/tracked.hpp"
#include "support/in_child.hpp"

namespace basalt {
namespace {

constexpr int no_sandbox_here = 77;

// Effects: from now on every call but these ends the process.  Returns: whether the kernel can do that.
bool enter_sandbox() {
  static const unsigned allowed[] = {SYS_mmap,   SYS_munmap, SYS_madvise, SYS_mprotect,
                                     SYS_mremap, SYS_futex,  SYS_write,   SYS_exit_group};
  constexpr std::size_t count = sizeof allowed / sizeof *allowed;
  sock_filter filter[count + 3];
  std::size_t at = 0;
  filter[at++] = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr));
  for (std::size_t i = 0; i < count; ++i) {
    const auto to_the_end = static_cast<unsigned char>(count - i);
    filter[at++] = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, allowed[i], to_the_end, 0);
  }
  filter[at++] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
  filter[at++] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  const sock_fprog program{static_cast<unsigned short>(at), filter};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

// Returns: 0, or the number of the check that failed.
int heap_in_sandbox() {
  const long page = ::sysconf(_SC_PAGESIZE);
  if (!enter_sandbox()) return no_sandbox_here;
  if (RawOs::page_size() != static_cast<std::size_t>(page)) return 1;
  const Result<std::byte*> mapped = RawOs::map(4 * RawOs::page_size());
  if (!mapped.ok()) return 2;
  const Range range{mapped.value, 4 * RawOs::page_size()};
  std::memset(range.begin, 1, range.size);
  if (RawOs::decommit(range) || *range.begin != std::byte{0}) return 3;
  const Result<std::byte*> moved = RawOs::remap(range, 2 * range.size);
  if (!moved.ok() || RawOs::unmap({moved.value, 2 * range.size})) return 4;

  static constinit RawAlloc<Tracked<MmapGrower<RawOs>, RawOs>> heap;
  const Result<std::byte*> block = heap.allocate({100'000, 64});
  if (!block.ok()) return 5;
  heap.deallocate(block.value, 100'000);
  if (!heap.trim() || !heap.stats().conserved()) return 6;
  RawOs::write(2, "", 0);
  return 0;
}

TEST(Sandbox, RawOsNeedsOnlyTheCallsThatItNames) {
  const int outcome = test::in_child(heap_in_sandbox);
  if (outcome == no_sandbox_here) GTEST_SKIP() << "no seccomp filters here";
  EXPECT_EQ(outcome, 0);
}

TEST(Sandbox, TheFilterWouldHaveCaughtAnyOther) {
  const int outcome = test::in_child([] {
    if (!enter_sandbox()) return no_sandbox_here;
    RawOs::yield();
    return 0;
  });
  if (outcome == no_sandbox_here) GTEST_SKIP() << "no seccomp filters here";
  EXPECT_EQ(outcome, -1);
}

}  // namespace
}  // namespace basalt
