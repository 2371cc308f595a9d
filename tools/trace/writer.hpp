// Writes a trace.
#pragma once

#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include "header.hpp"
#include "packer.hpp"
#include "tables.hpp"

namespace basalt::trace {

class Writer {
 public:
  // Effects: the file holds a header. `most_bytes` is about how long it may become.
  // Errors: see `error`.
  Writer(const std::string& path, const Header& header, std::uint64_t most_bytes = UINT64_MAX);
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer();

  // Effects: the event is in the trace; a block that begins gets its number from here. Its time is rounded down to time_unit, and is
  // not before that of the event before: the clocks of two processors are not that exact.
  // Requires: `event.ended`, if a block ends, is the number of one that is live, and `ended_bytes` its size.
  // Returns: the number of the block that begins.
  std::uint64_t append(const Event& event, std::uint64_t ended_bytes = 0);

  // Effects: the calls and modules follow those that were added before. A stack may be referred to before its calls are here.
  void add(std::span<const Call> calls);
  void add(std::span<const Module> modules);

  // Effects: what was appended is in the file, as a block of its own.
  void flush();

  // Effects: the file is complete, with an index. What is appended later is not.
  void finish(Ending ending);

  // Returns: what the system said when it would not take the file or more of it; empty if nothing is wrong. Nothing is
  // written any more.
  [[nodiscard]] const std::string& error() const noexcept { return error_; }
  [[nodiscard]] bool at_limit() const noexcept { return written_ >= most_bytes_; }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return written_; }
  [[nodiscard]] const Totals& totals() const noexcept { return totals_; }

 private:
  void count(const Event& event, std::uint64_t ended_bytes);
  void add_section(const Bytes& section);
  void write(const void* bytes, std::size_t size);

  std::FILE* file_;
  std::string error_;
  Columns columns_;
  std::uint64_t most_bytes_;
  std::uint64_t written_ = 0;
  std::uint64_t live_bytes_ = 0;
  std::uint64_t live_blocks_ = 0;
  Packer packer_;
  Summary summary_;  // of the events that the packer holds
  std::uint32_t next_call_ = 1;
  std::vector<std::uint64_t> offsets_;  // of all sections
  Totals totals_;
};

}  // namespace basalt::trace
