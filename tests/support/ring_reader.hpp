// Reads what a recorder writes, in the same process.
#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "observe/recording.hpp"

namespace basalt::test {

class RingReader {
 public:
  using Head = observe::RecordingHead;

  // Requires: a folder with one recording in it.
  explicit RingReader(const std::string& folder) {
    for (const auto& entry : std::filesystem::directory_iterator{folder}) {
      const int file = ::open(entry.path().c_str(), O_RDWR | O_CLOEXEC);
      void* const place = ::mmap(nullptr, Head::file_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
      ::close(file);
      head_ = place == MAP_FAILED ? nullptr : static_cast<Head*>(place);
    }
  }
  ~RingReader() { ::munmap(head_, Head::file_bytes); }
  RingReader(const RingReader&) = delete;
  RingReader& operator=(const RingReader&) = delete;

  // Returns: the next record, if it is there.
  std::optional<observe::RecordContents> next() {
    observe::RecordContents seen;
    if (!head_->record(next_).read(next_, seen)) return std::nullopt;
    head_->turns.consume(++next_);
    return seen;
  }

  [[nodiscard]] Head& head() { return *head_; }

 private:
  Head* head_ = nullptr;
  std::uint64_t next_ = 0;
};

// A folder that is gone with this object.
class TemporaryFolder {
 public:
  TemporaryFolder() { (void)!::mkdtemp(path_.data()); }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_ = "/tmp/basalt-test-XXXXXX";
};

}  // namespace basalt::test
