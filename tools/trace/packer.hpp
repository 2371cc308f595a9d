// Makes sections of a trace: what block.hpp reads.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "addresses.hpp"
#include "block.hpp"

struct ZSTD_CCtx_s;  // of zstd

namespace basalt::trace {

// The events of a block go into its columns as they come, so that none is kept.
class Packer {
 public:
  explicit Packer(Columns columns);
  Packer(const Packer&) = delete;
  Packer& operator=(const Packer&) = delete;
  ~Packer();

  // Effects: the next event is the first of a block of events; so many heap blocks began before.
  void begin(std::uint64_t first_block, std::uint64_t first_time);

  // Requires: at most events_per_block since `begin`; the time is a multiple of time_unit, and not before that of the event before.
  void add(const Event& event, std::uint64_t time);

  // Returns: head and packed events, as they go into the file.  Requires: the summary is that of the events.
  [[nodiscard]] Bytes pack(const Summary& summary);

  // The same for a table.  Requires: at most most_plain_bytes.
  [[nodiscard]] Bytes pack(Section section, std::span<const std::uint8_t> plain);

 private:
  [[nodiscard]] Bytes section_of(Section section, std::span<const std::uint8_t> plain,
                                 const Summary& summary);

  Columns columns_;
  Column operations_, ages_, sizes_, stacks_, pointers_, times_;
  Addresses addresses_{0};
  std::uint32_t thread_ = 0;   // of the row before
  std::uint64_t births_ = 0;   // heap blocks that have begun
  std::uint64_t time_ = 0;     // of the row before
  ZSTD_CCtx_s* const engine_;  // kept, since making one costs as much as packing a small block
};

}  // namespace basalt::trace
