// The contract of an Os, asked of every way to the kernel that we have.
#include "platform/os.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <initializer_list>
#include <string>

#include "platform/libc_os.hpp"
#include "platform/raw_os.hpp"
#include "support/in_child.hpp"
#include "support/seccomp.hpp"

namespace basalt {
namespace {

constexpr int no_limits_here = 77;

bool all(Range range, int value) {
  for (std::size_t i = 0; i < range.size; ++i) {
    if (range.begin[i] != static_cast<std::byte>(value)) return false;
  }
  return true;
}

void fill(Range range, int value) { std::memset(range.begin, value, range.size); }

// Whether the kernel knows these addresses: mincore refuses those that are not mapped.
bool mapped(Range range) {
  std::string pages(range.size / LibcOs::page_size(), '\0');
  return ::mincore(range.begin, range.size, reinterpret_cast<unsigned char*>(pages.data())) == 0;
}

template <class System>
class OsTest : public testing::Test {
 protected:
  const std::size_t page = System::page_size();

  Range map(std::size_t pages) {
    const Result<std::byte*> answer = System::map(pages * page);
    EXPECT_TRUE(answer.ok());
    return {answer.value, pages * page};
  }
};

using Systems = testing::Types<RawOs, LibcOs>;
TYPED_TEST_SUITE(OsTest, Systems);

TYPED_TEST(OsTest, PageSizeIsTheSystems) {
  EXPECT_EQ(TypeParam::page_size(), static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)));
  EXPECT_EQ(TypeParam::page_size(), TypeParam::page_size());
}

TYPED_TEST(OsTest, MapsZeroedWritablePages) {
  const Range range = this->map(3);
  EXPECT_TRUE(is_aligned(range.begin, this->page));
  EXPECT_TRUE(all(range, 0));
  fill(range, 0xa5);
  EXPECT_TRUE(all(range, 0xa5));
  EXPECT_EQ(TypeParam::unmap(range), no_error);
  EXPECT_FALSE(mapped(range));
}

TYPED_TEST(OsTest, RefusedMappingsSayWhy) {
  EXPECT_EQ(TypeParam::map(0).error, Error{EINVAL});
  EXPECT_EQ(TypeParam::map(align_down(max_request, this->page)).error, Error{ENOMEM});
  const int outcome = test::in_child([] {
    rlimit limit{0, 0};
    if (::setrlimit(RLIMIT_AS, &limit) != 0 || ::getrlimit(RLIMIT_AS, &limit) != 0) return 2;
    if (limit.rlim_cur != 0) return no_limits_here;
    return TypeParam::map(1 * MiB).error == Error{ENOMEM} ? 0 : 1;
  });
  if (outcome == no_limits_here) GTEST_SKIP() << "this emulator takes no limits on address space";
  EXPECT_EQ(outcome, 0);
}

TYPED_TEST(OsTest, UnmapsInTheMiddle) {
  const Range range = this->map(3);
  fill(range, 0x5a);
  const Range middle{range.begin + this->page, this->page};
  ASSERT_EQ(TypeParam::unmap(middle), no_error);
  EXPECT_FALSE(mapped(middle));
  EXPECT_TRUE(all(range.first(this->page), 0x5a));
  EXPECT_TRUE(all(range.after(2 * this->page), 0x5a));
  EXPECT_EQ(TypeParam::unmap(range.first(this->page)), no_error);
  EXPECT_EQ(TypeParam::unmap(range.after(2 * this->page)), no_error);
}

TYPED_TEST(OsTest, UnmapRefusesWhatIsNoPage) {
  const Range range = this->map(1);
  EXPECT_EQ(TypeParam::unmap({range.begin + 8, this->page}), Error{EINVAL});
  EXPECT_TRUE(mapped(range));
  EXPECT_EQ(TypeParam::unmap(range), no_error);
}

TYPED_TEST(OsTest, RemapKeepsTheContents) {
  const Range range = this->map(4);
  fill(range, 0x77);
  ASSERT_EQ(TypeParam::unmap(range.after(2 * this->page)), no_error);
  const Range old = range.first(2 * this->page);
  const Result<std::byte*> grown = TypeParam::remap(old, 64 * this->page);
  ASSERT_TRUE(grown.ok());
  const Range now{grown.value, 64 * this->page};
  EXPECT_TRUE(all(now.first(old.size), 0x77));
  EXPECT_TRUE(all(now.after(old.size), 0));
  const Result<std::byte*> shrunk = TypeParam::remap(now, this->page);
  ASSERT_TRUE(shrunk.ok());
  EXPECT_TRUE(all({shrunk.value, this->page}, 0x77));
  EXPECT_FALSE(mapped(now.after(this->page)));
  EXPECT_EQ(TypeParam::unmap({shrunk.value, this->page}), no_error);
}

TYPED_TEST(OsTest, ExtendStaysOrFails) {
  const Range range = this->map(3);
  const Range first = range.first(this->page);
  EXPECT_EQ(TypeParam::extend(first, 2 * this->page), Error{ENOMEM});  // its neighbour is in the way
  ASSERT_EQ(TypeParam::unmap(range.after(this->page)), no_error);
  fill(first, 0x11);
  ASSERT_EQ(TypeParam::extend(first, 3 * this->page), no_error);
  EXPECT_TRUE(all(first, 0x11));
  EXPECT_TRUE(all(range.after(this->page), 0));
  EXPECT_EQ(TypeParam::unmap(range), no_error);
}

TYPED_TEST(OsTest, DecommittedPagesReadAsZero) {
  const Range range = this->map(3);
  fill(range, 0x33);
  const Range middle{range.begin + this->page, this->page};
  ASSERT_EQ(TypeParam::decommit(middle), no_error);
  EXPECT_TRUE(all(middle, 0));
  EXPECT_TRUE(all(range.first(this->page), 0x33));
  EXPECT_TRUE(all(range.after(2 * this->page), 0x33));
  fill(middle, 0x44);
  EXPECT_TRUE(all(middle, 0x44));
  EXPECT_EQ(TypeParam::unmap(range), no_error);
}

// In a child: the C library's own idea of the break must not be touched in this process.
TYPED_TEST(OsTest, ExtendsTheBreak) {
  const int outcome = test::in_child([] {
    const Result<std::byte*> before = TypeParam::extend_break(0);
    const Result<std::byte*> part = TypeParam::extend_break(3000);
    if (!before.ok() || !part.ok() || part.value != before.value) return 1;
    fill({part.value, 3000}, 0x66);
    const Result<std::byte*> next = TypeParam::extend_break(5000);
    if (!next.ok() || next.value != part.value + 3000) return 2;
    if (!all({part.value, 3000}, 0x66)) return 3;
    if (TypeParam::extend_break(max_request).error != Error{ENOMEM}) return 4;
    if (TypeParam::extend_break(SIZE_MAX).error != Error{ENOMEM}) return 5;
    return TypeParam::extend_break(0).value == next.value + 5000 ? 0 : 6;
  });
  EXPECT_EQ(outcome, 0);
}

TYPED_TEST(OsTest, FilesWithoutAName) {
  const Result<int> file = TypeParam::open_file(nullptr);
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(::fcntl(file.value, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  EXPECT_EQ(TypeParam::file_size(file.value).value, 0u);
  ASSERT_EQ(TypeParam::resize_file(file.value, 2 * this->page), no_error);
  EXPECT_EQ(TypeParam::file_size(file.value).value, 2 * this->page);
  const Result<std::byte*> one = TypeParam::map_file(nullptr, 2 * this->page, file.value);
  const Result<std::byte*> two = TypeParam::map_file(nullptr, 2 * this->page, file.value);
  ASSERT_TRUE(one.ok() && two.ok());
  fill({one.value, 2 * this->page}, 0x21);
  EXPECT_TRUE(all({two.value, 2 * this->page}, 0x21));
  EXPECT_EQ(TypeParam::unmap({one.value, 2 * this->page}), no_error);
  EXPECT_EQ(TypeParam::unmap({two.value, 2 * this->page}), no_error);
  TypeParam::close_file(file.value);
  EXPECT_EQ(::fcntl(file.value, F_GETFD), -1);
}

TYPED_TEST(OsTest, NamedFilesAreMadeForTheOwnerOnly) {
  const std::string path = testing::TempDir() + "basalt_os_test." + std::to_string(::getpid());
  const Result<int> file = TypeParam::open_file(path.c_str());
  ASSERT_TRUE(file.ok());
  struct stat status;
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0077u, 0u);
  TypeParam::close_file(file.value);
  ::unlink(path.c_str());
  EXPECT_EQ(TypeParam::open_file("/nowhere/at/all").error, Error{ENOENT});
}

TYPED_TEST(OsTest, BadDescriptorsSayWhy) {
  EXPECT_EQ(TypeParam::file_size(-1).error, Error{EBADF});
  EXPECT_EQ(TypeParam::resize_file(-1, 0), Error{EBADF});
  EXPECT_EQ(TypeParam::map_file(nullptr, this->page, -1).error, Error{EBADF});
}

TYPED_TEST(OsTest, MapsAFileExactlyThereOrNotAtAll) {
  const Result<int> file = TypeParam::open_file(nullptr);
  ASSERT_TRUE(file.ok());
  ASSERT_EQ(TypeParam::resize_file(file.value, this->page), no_error);
  const Range taken = this->map(2);
  EXPECT_EQ(TypeParam::map_file(taken.begin, this->page, file.value).error, address_taken);
  EXPECT_TRUE(all(taken, 0));
  ASSERT_EQ(TypeParam::unmap(taken), no_error);
  const Result<std::byte*> exact = TypeParam::map_file(taken.begin, this->page, file.value);
  ASSERT_TRUE(exact.ok());
  EXPECT_EQ(exact.value, taken.begin);
  EXPECT_EQ(TypeParam::unmap(taken.first(this->page)), no_error);
  TypeParam::close_file(file.value);
}

TYPED_TEST(OsTest, AMappingMayReachBeyondTheFileAndIsUsableOnceItHasGrown) {
  const Result<int> file = TypeParam::open_file(nullptr);
  ASSERT_TRUE(file.ok());
  ASSERT_EQ(TypeParam::resize_file(file.value, this->page), no_error);
  const Result<std::byte*> window = TypeParam::map_file(nullptr, 16 * this->page, file.value);
  ASSERT_TRUE(window.ok());
  const Range later{window.value + 8 * this->page, this->page};
  ASSERT_EQ(TypeParam::resize_file(file.value, 9 * this->page), no_error);
  EXPECT_TRUE(all(later, 0));
  fill(later, 0x42);
  EXPECT_TRUE(all(later, 0x42));
  EXPECT_EQ(TypeParam::unmap({window.value, 16 * this->page}), no_error);
  TypeParam::close_file(file.value);
}

TYPED_TEST(OsTest, WritesAndYields) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  TypeParam::write(ends[1], "basalt", 6);
  char text[8] = {};
  EXPECT_EQ(::read(ends[0], text, sizeof text), 6);
  EXPECT_STREQ(text, "basalt");
  TypeParam::yield();
  ::close(ends[0]);
  ::close(ends[1]);
}

// Raw system calls leave errno alone: malloc has to.
TEST(RawOs, LeavesErrnoAlone) {
  errno = EDOM;
  EXPECT_FALSE(RawOs::map(0).ok());
  EXPECT_TRUE(RawOs::unmap({reinterpret_cast<std::byte*>(1), 1}));
  EXPECT_EQ(errno, EDOM);
}

// Returns: 0 if memory that cannot be closed, since each of these calls is refused, may be touched as before.
int left_open_without(std::initializer_list<long> calls) {
  const std::size_t page = RawOs::page_size();
  const Result<std::byte*> memory = RawOs::map(2 * page);
  if (!memory.ok()) return 2;
  const Range range{memory.value, 2 * page};
  fill(range, 0x5a);
  process::Filter filter;
  for (const long call : calls) filter.when(call, process::Filter::fails(ENOMEM));
  if (!filter.install()) return no_limits_here;
  if (RawOs::close(range) != Error{ENOMEM}) return 3;
  if (!all(range, 0x5a) && !all(range, 0)) return 4;
  fill(range, 0x21);
  return all(range, 0x21) ? 0 : 5;
}

TEST(RawOs, LeavesMemoryOpenThatItCannotClose) {
  for (const auto calls : {std::initializer_list<long>{SYS_mprotect, SYS_mmap},
                           std::initializer_list<long>{SYS_madvise, SYS_mmap},
                           std::initializer_list<long>{SYS_madvise, SYS_mprotect, SYS_mmap}}) {
    const int outcome = test::in_child([&] { return left_open_without(calls); });
    if (outcome == no_limits_here) GTEST_SKIP() << "no seccomp filters here";
    EXPECT_EQ(outcome, 0) << calls.size() << " calls, the first " << *calls.begin();
  }
}

// Where one of the two ways to close is refused, there is the other.
TEST(RawOs, ClosesMemoryInAnotherWayWhereTheFirstIsRefused) {
  for (const long call : {SYS_mprotect, SYS_madvise}) {
    const int outcome = test::in_child([call] {
      const std::size_t page = RawOs::page_size();
      const Result<std::byte*> memory = RawOs::map(page);
      process::Filter filter;
      if (!filter.when(call, process::Filter::fails(ENOMEM)).install()) return no_limits_here;
      if (RawOs::close({memory.value, page})) return 3;
      int ends[2];
      if (::pipe(ends) != 0) return 4;
      return ::write(ends[1], memory.value, 1) == -1 && errno == EFAULT ? 0 : 5;
    });
    if (outcome == no_limits_here) GTEST_SKIP() << "no seccomp filters here";
    EXPECT_EQ(outcome, 0) << call;
  }
}

TEST(RawCall, TellsErrorsFromAddresses) {
  EXPECT_EQ(raw::error_in(0), no_error);
  EXPECT_EQ(raw::error_in(-1), Error{1});
  EXPECT_EQ(raw::error_in(-4095), Error{4095});
  EXPECT_EQ(raw::error_in(-4096), no_error);  // the highest page there could be
  EXPECT_EQ(raw::pointer_in(-ENOMEM).error, out_of_memory);
  EXPECT_EQ(address_of(raw::pointer_in(0x1000).value), 0x1000u);
}

}  // namespace
}  // namespace basalt
