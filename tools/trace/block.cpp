#include "block.hpp"

#include <xxhash.h>
#include <zstd.h>

#include "addresses.hpp"

namespace basalt::trace {

namespace {

// The columns of a block of events, while they are read.
struct Cursors {
  Cursor operations, ages, sizes, stacks, pointers, times;

  [[nodiscard]] bool at_end() const noexcept {
    for (const Cursor* const each : {&operations, &ages, &sizes, &stacks, &pointers, &times}) {
      if (!each->ok() || !each->at_end()) return false;
    }
    return true;
  }
};

[[nodiscard]] Cursors columns_in(Cursor& all, const Columns& columns) {
  const auto column = [&](bool there) {
    return Cursor{there ? all.take(all.varint()) : std::span<const std::uint8_t>{}};
  };
  // One after another: the order of the braces is that of the file.
  return {column(true),         column(true), column(true), column(columns.stacks), column(columns.pointers),
          column(columns.times)};
}

// Returns: whether the row makes sense: only blocks that have begun can end.
[[nodiscard]] bool take_row(Cursors& from, Event& event, std::uint32_t& thread, std::uint64_t& births) {
  const std::uint8_t tag = from.operations.byte();
  if ((tag & ~other_thread) >= op_count) return false;
  event.op = static_cast<Op>(tag & ~other_thread);
  if ((tag & other_thread) != 0) thread = static_cast<std::uint32_t>(from.operations.varint());
  event.thread = thread;
  if (ends_block(event.op)) {
    const std::uint64_t age = from.ages.varint();
    if (age == 0 || age > births) return false;
    event.ended = births - age;
  }
  if (begins_block(event.op)) {
    if (event.op == Op::allocate_aligned) event.alignment_log2 = from.sizes.byte();
    if (event.alignment_log2 >= 64) return false;
    event.size = from.sizes.varint();
    event.block = births++;
  }
  return true;
}

}  // namespace

std::uint64_t checksum_of(std::span<const std::uint8_t> head, std::span<const std::uint8_t> packed) {
  const std::uint64_t seed = XXH3_64bits(head.data(), head_bytes - sizeof(std::uint64_t));
  return XXH3_64bits_withSeed(packed.data(), packed.size(), seed);
}

bool parse(HeadBytes bytes, Head& head) {
  Cursor at{bytes};
  if (at.fixed(4) != head_magic) return false;
  const std::uint64_t section = at.fixed(4);
  head.section = static_cast<Section>(section);
  head.packed_bytes = static_cast<std::uint32_t>(at.fixed(4));
  head.plain_bytes = static_cast<std::uint32_t>(at.fixed(4));
  Summary& summary = head.summary;
  summary.events = static_cast<std::uint32_t>(at.fixed(8));
  for (std::uint64_t* const figure :
       {&summary.first_event, &summary.first_block, &summary.live_bytes, &summary.live_blocks,
        &summary.peak_bytes, &summary.peak_event, &summary.first_time, &summary.last_time, &summary.begun,
        &summary.unknown_frees})
    *figure = at.fixed(8);
  head.checksum = at.fixed(8);
  return section < section_count && head.plain_bytes <= most_plain_bytes &&
         summary.events <= events_per_block;
}

bool is_sound(HeadBytes bytes, const Head& head, std::span<const std::uint8_t> packed) {
  return packed.size() == head.packed_bytes && checksum_of(bytes, packed) == head.checksum;
}

bool unpack(HeadBytes bytes, const Head& head, std::span<const std::uint8_t> packed, Bytes& plain) {
  plain.clear();
  if (!is_sound(bytes, head, packed)) return false;
  plain.resize(head.plain_bytes);
  return ZSTD_decompress(plain.data(), plain.size(), packed.data(), packed.size()) == plain.size();
}

bool parse_events(std::span<const std::uint8_t> plain, const Summary& summary, Columns columns,
                  std::vector<Event>& events) {
  events.clear();
  Cursor all{plain};
  Cursors from = columns_in(all, columns);
  Addresses addresses{summary.first_block};
  std::uint32_t thread = 0;
  std::uint64_t births = summary.first_block, time = summary.first_time;
  for (std::uint32_t i = 0; i != summary.events; ++i) {
    Event event;
    if (!take_row(from, event, thread, births)) return false;
    if (columns.stacks && begins_block(event.op))
      event.stack = static_cast<std::uint32_t>(from.stacks.varint());
    if (columns.pointers) addresses.take(from.pointers, event);
    if (columns.times) event.time = time += from.times.varint() * time_unit;
    events.push_back(event);
  }
  return all.ok() && from.at_end();
}

}  // namespace basalt::trace
