#include "source/memory_file.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "basic/raw_alloc.hpp"
#include "platform/libc_os.hpp"
#include "platform/raw_os.hpp"
#include "source/borrowed.hpp"
#include "support/failing_os.hpp"
#include "support/in_child.hpp"

namespace basalt {
namespace {

struct OfThisTest;
using System = test::FailingOs<RawOs, OfThisTest>;
using File = MemoryFile<System>;

class MemoryFileTest : public testing::Test {
 protected:
  MemoryFileTest() { System::reset(); }
  ~MemoryFileTest() override { ::unlink(path.c_str()); }

  // Writes `text` over the file's bytes from `offset`.
  void overwrite(off_t offset, const void* text, std::size_t bytes) {
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT, 0600);
    ASSERT_EQ(::pwrite(file, text, bytes, offset), static_cast<ssize_t>(bytes));
    ::close(file);
  }

  // Makes a file of a few pages, closed again.
  void make() {
    const File::Opened opened = File::open(path.c_str());
    ASSERT_TRUE(opened.ok()) << opened.error.number;
    ASSERT_TRUE(opened.file->grow(3 * opened.file->page_size()).ok());
    File::close(opened.file);
  }

  FileFault fault_on_opening() {
    const File::Opened opened = File::open(path.c_str());
    if (opened.ok()) File::close(opened.file);
    return opened.fault;
  }

  static int open_descriptors() {
    int count = 0;
    for (int i = 0; i < 256; ++i) count += ::fcntl(i, F_GETFD) != -1;
    return count;
  }

  const std::string path = testing::TempDir() + "basalt_memory_file." + std::to_string(::getpid());
};

TEST_F(MemoryFileTest, ANewFileIsAHeapOfOnePage) {
  const File::Opened opened = File::open(path.c_str());
  ASSERT_TRUE(opened.ok());
  File& file = *opened.file;
  EXPECT_EQ(file.page_size(), RawOs::page_size());
  EXPECT_EQ(file.pages(), 1u);
  EXPECT_EQ(file.root(), nullptr);
  EXPECT_EQ(reinterpret_cast<std::byte*>(&file), file.range().begin);
  EXPECT_TRUE(file.range().contains(file.room()));
  EXPECT_EQ(file.room().end(), file.range().end());
  EXPECT_TRUE(is_aligned(file.room().begin, 16));
  EXPECT_FALSE(file.owns(file.room()));
  File::close(&file);
}

TEST_F(MemoryFileTest, GrowsContiguouslyAndNotBeyondItsWindow) {
  const std::size_t page = RawOs::page_size();
  const File::Opened opened = File::open(nullptr, {nullptr, 8 * page});
  ASSERT_TRUE(opened.ok());
  File& file = *opened.file;
  const Range first = file.grow(page + 1).value;
  EXPECT_EQ(first.begin, file.room().end());
  EXPECT_EQ(first.size, 2 * page);
  EXPECT_EQ(file.extend(first.begin, page).error, out_of_memory);
  const Range second = file.extend(first.end(), page).value;
  EXPECT_EQ(second, (Range{first.end(), page}));
  std::memset(first.begin, 1, first.size + second.size);
  EXPECT_TRUE(file.owns({first.begin, 3 * page}));
  EXPECT_FALSE(file.owns({first.begin, 3 * page + 1}));
  EXPECT_EQ(file.grow(5 * page).error, out_of_memory);
  EXPECT_EQ(file.grow(SIZE_MAX).error, out_of_memory);
  EXPECT_TRUE(file.grow(4 * page).ok());
  EXPECT_EQ(file.grow(1).error, out_of_memory);
  EXPECT_TRUE(file.grow(0).ok());
  File::close(&file);
}

TEST_F(MemoryFileTest, ARefusalToGrowIsPassedOnAndChangesNothing) {
  const File::Opened opened = File::open(nullptr);
  ASSERT_TRUE(opened.ok());
  System::fail_at(test::Operation::resize_file, 1, Error{ENOSPC});
  EXPECT_EQ(opened.file->grow(1).error, Error{ENOSPC});
  EXPECT_EQ(opened.file->pages(), 1u);
  EXPECT_TRUE(opened.file->grow(1).ok());
  File::close(opened.file);
}

struct Note {
  Note* next;
  char text[40];
};

struct Notebook {
  RawAlloc<Borrowed<File>> heap;
  Note* first = nullptr;

  explicit Notebook(File& file) noexcept : heap{file} {}
};

// One process writes a list and leaves holes between its notes; another walks the notes and the free blocks, and goes
// on using the heap; a third sees what the second did.
TEST_F(MemoryFileTest, ALaterProcessWalksTheHeapAndGoesOn) {
  const auto write = [&] {
    const File::Opened opened = File::open(path.c_str());
    if (!opened.ok()) return 1;
    auto* book = ::new (static_cast<void*>(opened.file->room().begin)) Notebook{*opened.file};
    opened.file->set_root(book);
    for (int i = 0; i < 1000; ++i) {
      const Result<std::byte*> block = book->heap.allocate({sizeof(Note)});
      const Result<std::byte*> hole = book->heap.allocate({64});
      if (!block.ok() || !hole.ok()) return 2;
      Note* const note = ::new (static_cast<void*>(block.value)) Note{book->first, {}};
      std::snprintf(note->text, sizeof note->text, "note %d", i);
      book->first = note;
      book->heap.deallocate(hole.value, 64);
    }
    return 0;  // without closing: a process may end as it likes
  };
  const auto walk_and_go_on = [&] {
    const File::Opened opened = File::open(path.c_str());
    if (!opened.ok()) return 11;
    auto* book = static_cast<Notebook*>(opened.file->root());
    int expected = 1000;
    std::size_t live = 0;
    for (Note* note = book->first; note != nullptr; note = note->next) {
      if (note->text != "note " + std::to_string(--expected)) return 12;
      live += block_size(sizeof(Note));
    }
    std::size_t free = 0;
    book->heap.list().each([&](Range block) { free += opened.file->owns(block) ? block.size : 0; });
    if (expected != 0 || live + free != opened.file->range().size - opened.file->page_size()) return 13;
    if (!book->heap.validate().valid() || !book->heap.stats().conserved()) return 14;
    while (book->first != nullptr) {
      Note* const note = book->first;
      book->first = note->next;
      book->heap.deallocate(reinterpret_cast<std::byte*>(note), sizeof(Note));
    }
    return book->heap.allocate({100 * KiB}).ok() ? 0 : 15;
  };
  const auto look = [&] {
    const File::Opened opened = File::open(path.c_str());
    if (!opened.ok()) return 21;
    auto* book = static_cast<Notebook*>(opened.file->root());
    return book->first == nullptr && book->heap.stats().live_bytes == 100 * KiB ? 0 : 22;
  };
  EXPECT_EQ(test::in_child(write), 0);
  EXPECT_EQ(test::in_child(walk_and_go_on), 0);
  EXPECT_EQ(test::in_child(look), 0);
}

TEST_F(MemoryFileTest, TheSecondFileGoesWhereThereIsRoom) {
  const File::Opened one = File::open(nullptr);
  const File::Opened two = File::open(nullptr);
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_NE(one.file, two.file);
  File::close(one.file);
  File::close(two.file);
}

TEST_F(MemoryFileTest, RefusesAnotherKindOfFileAndLeavesItAlone) {
  overwrite(0, "hello, world", 12);
  EXPECT_EQ(fault_on_opening(), FileFault::not_a_heap);
  const int file = ::open(path.c_str(), O_RDONLY);
  char text[32] = {};
  EXPECT_EQ(::read(file, text, sizeof text), 12);
  EXPECT_STREQ(text, "hello, world");
  ::close(file);
}

TEST_F(MemoryFileTest, RefusesAnotherVersion) {
  make();
  EXPECT_EQ(fault_on_opening(), FileFault::none);
  const std::uint32_t version = 999;
  overwrite(8, &version, sizeof version);
  EXPECT_EQ(fault_on_opening(), FileFault::other_version);
}

TEST_F(MemoryFileTest, RefusesAMachineWithOtherPointers) {
  make();
  const std::uint32_t pointer_bytes = 4;
  overwrite(12, &pointer_bytes, sizeof pointer_bytes);
  EXPECT_EQ(fault_on_opening(), FileFault::other_version);
}

TEST_F(MemoryFileTest, RefusesAFileThatIsTooShort) {
  make();
  ASSERT_EQ(::truncate(path.c_str(), static_cast<off_t>(4 * RawOs::page_size() - 1)), 0);
  EXPECT_EQ(fault_on_opening(), FileFault::truncated);
  ASSERT_EQ(::truncate(path.c_str(), 100), 0);
  EXPECT_EQ(fault_on_opening(), FileFault::truncated);
  ASSERT_EQ(::truncate(path.c_str(), 20), 0);
  EXPECT_EQ(fault_on_opening(), FileFault::not_a_heap);
}

TEST_F(MemoryFileTest, RefusesWhenItsPlaceIsTaken) {
  const File::Opened first = File::open(path.c_str());
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(fault_on_opening(), FileFault::place_taken);
  std::memset(first.file->grow(1).value.begin, 1, 8);  // the first is as it was
  File::close(first.file);
  EXPECT_EQ(fault_on_opening(), FileFault::none);
}

// Any eight bytes of the header set to anything: an answer, and never a crash.
TEST_F(MemoryFileTest, SurvivesADamagedHeader) {
  for (off_t offset = 16; offset < 56; offset += 8) {
    for (const std::uint64_t damage : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{4097},
                                       ~std::uint64_t{0}, std::uint64_t{1} << 63}) {
      ::unlink(path.c_str());
      make();
      overwrite(offset, &damage, sizeof damage);
      const FileFault fault = fault_on_opening();
      const bool a_null_root = offset == 48 && damage == 0;
      EXPECT_EQ(fault == FileFault::none, a_null_root) << offset << ' ' << damage;
    }
  }
}

TEST_F(MemoryFileTest, SaysWhatTheSystemSaid) {
  const File::Opened opened = File::open("/nowhere/at/all");
  EXPECT_EQ(opened.fault, FileFault::refused_by_system);
  EXPECT_EQ(opened.error, Error{ENOENT});
  EXPECT_EQ(opened.file, nullptr);
}

// Each call that the system can refuse, refused: an error, no descriptor lost, and the next attempt works.
TEST_F(MemoryFileTest, SurvivesARefusalAnywhere) {
  for (const bool exists : {false, true}) {
    for (std::size_t k = 1;; ++k) {
      ::unlink(path.c_str());
      if (exists) make();
      const int before = open_descriptors();
      System::reset();
      System::fail_at(test::Operation::any, k, Error{EIO});
      const File::Opened opened = File::open(path.c_str());
      const bool refused = System::failures != 0;
      System::reset();
      if (opened.ok()) File::close(opened.file);
      EXPECT_EQ(opened.error, opened.ok() ? no_error : Error{EIO});
      EXPECT_EQ(open_descriptors(), before);
      EXPECT_EQ(fault_on_opening(), FileFault::none) << "after a refusal at call " << k;
      if (!refused) break;
    }
  }
}

TEST_F(MemoryFileTest, EveryFaultHasASentence) {
  for (const FileFault fault : {FileFault::none, FileFault::not_a_heap, FileFault::other_version,
                                FileFault::truncated, FileFault::place_taken, FileFault::refused_by_system}) {
    EXPECT_EQ(std::string{sentence(fault)}.rfind("basalt: ", 0), 0u);
  }
}

}  // namespace
}  // namespace basalt
