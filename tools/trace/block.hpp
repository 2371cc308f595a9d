// The sections of a trace: blocks of up to 64 Ki events, each of which can be read without any other, and tables.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "bytes.hpp"
#include "event.hpp"

namespace basalt::trace {

inline constexpr std::uint32_t events_per_block = 64 * 1024;

// What a trace holds beyond the events themselves.
struct Columns {
  bool pointers = false;
  bool times = false;
  bool stacks = false;

  friend bool operator==(const Columns&, const Columns&) = default;
};

enum class Section : std::uint8_t { events, calls, modules };
inline constexpr std::uint32_t section_count = 3;

// What is known of a block before it is unpacked; all 0 for a table.
//
// Law: the live bytes and blocks at the beginning of a block are those at the end of the one before; no event of the
// block sees more than `peak_bytes` live, and the event `peak_event` of the trace leaves just so many.
struct Summary {
  std::uint32_t events = 0;
  std::uint64_t first_event = 0;  // its number in the trace
  std::uint64_t first_block = 0;  // how many heap blocks began before
  std::uint64_t live_bytes = 0;   // at the beginning, as asked for
  std::uint64_t live_blocks = 0;
  std::uint64_t peak_bytes = 0;  // the most that are live, at the beginning or after an event
  std::uint64_t peak_event = 0;
  std::uint64_t first_time = 0;  // ns since the recording began
  std::uint64_t last_time = 0;
  std::uint64_t begun = 0;  // how many heap blocks begin in it
  std::uint64_t unknown_frees = 0;

  friend bool operator==(const Summary&, const Summary&) = default;
};

struct Head {
  Section section = Section::events;
  std::uint32_t packed_bytes = 0;
  std::uint32_t plain_bytes = 0;
  Summary summary;
  std::uint64_t checksum = 0;  // XXH3 of the head before it and of the packed bytes behind it
};

inline constexpr std::size_t head_bytes = 112;
inline constexpr std::uint32_t most_plain_bytes = 16 * 1024 * 1024;  // more than any section that is written
using HeadBytes = std::span<const std::uint8_t, head_bytes>;

inline constexpr std::uint32_t head_magic = 0x4b4c'4253;  // "SBLK"
inline constexpr std::uint8_t other_thread = 0x80;        // in the byte of an operation: the thread follows
inline constexpr std::uint64_t time_unit = 256;           // ns: times are multiples of it

// Returns: the checksum that a head ends with, of the bytes before it and of the packed ones behind it.
[[nodiscard]] std::uint64_t checksum_of(std::span<const std::uint8_t> head,
                                        std::span<const std::uint8_t> packed);

// Returns: whether the bytes can be a head.
[[nodiscard]] bool parse(HeadBytes bytes, Head& head);

// Returns: whether the section is as it was written.
[[nodiscard]] bool is_sound(HeadBytes bytes, const Head& head, std::span<const std::uint8_t> packed);

// Effects: `plain` is what the section holds.
// Returns: whether it is undamaged.
[[nodiscard]] bool unpack(HeadBytes bytes, const Head& head, std::span<const std::uint8_t> packed,
                          Bytes& plain);

// Effects: `events` are those of the block that holds these bytes.
// Returns: whether they make sense.
[[nodiscard]] bool parse_events(std::span<const std::uint8_t> plain, const Summary& summary, Columns columns,
                                std::vector<Event>& events);

}  // namespace basalt::trace
