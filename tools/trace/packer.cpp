#include "packer.hpp"

#include <zstd.h>

#include <cstdlib>

namespace basalt::trace {

namespace {

// The columns hold what can be told apart already: more effort makes them smaller by a hundredth, and takes three times as long.
constexpr int effort = 1;

// Of a row in a column: a varint of 64 bits, and a byte.
constexpr std::size_t most_row_bytes = 11;
constexpr std::size_t most_column_bytes = most_row_bytes * events_per_block;

void put_column(Bytes& to, const Column& column) {
  put_varint(to, column.bytes().size());
  to.insert(to.end(), column.bytes().begin(), column.bytes().end());
}

}  // namespace

Packer::Packer(Columns columns)
    : columns_{columns},
      operations_{most_column_bytes},
      ages_{most_column_bytes},
      sizes_{most_column_bytes},
      stacks_{most_column_bytes},
      pointers_{most_column_bytes},
      times_{most_column_bytes},
      engine_{ZSTD_createCCtx()} {
  if (engine_ == nullptr) std::abort();
}

Packer::~Packer() { ZSTD_freeCCtx(engine_); }

void Packer::begin(std::uint64_t first_block, std::uint64_t first_time) {
  for (Column* const column : {&operations_, &ages_, &sizes_, &stacks_, &pointers_, &times_}) column->clear();
  addresses_ = Addresses{first_block};
  thread_ = 0, births_ = first_block, time_ = first_time;
}

void Packer::add(const Event& event, std::uint64_t time) {
  const bool moved = event.thread != thread_;
  operations_.byte(
      static_cast<std::uint8_t>(static_cast<std::uint8_t>(event.op) | (moved ? other_thread : 0)));
  if (moved) operations_.varint(thread_ = event.thread);
  if (ends_block(event.op)) ages_.varint(births_ - event.ended);
  if (begins_block(event.op)) {
    if (event.op == Op::allocate_aligned) sizes_.byte(event.alignment_log2);
    sizes_.varint(event.size);
    if (columns_.stacks) stacks_.varint(event.stack);
    ++births_;
  }
  if (columns_.pointers) addresses_.put(pointers_, event);
  if (columns_.times) times_.varint((time - time_) / time_unit);
  time_ = time;
}

Bytes Packer::pack(const Summary& summary) {
  Bytes plain;
  for (const Column* const column : {&operations_, &ages_, &sizes_}) put_column(plain, *column);
  if (columns_.stacks) put_column(plain, stacks_);
  if (columns_.pointers) put_column(plain, pointers_);
  if (columns_.times) put_column(plain, times_);
  return section_of(Section::events, plain, summary);
}

Bytes Packer::pack(Section section, std::span<const std::uint8_t> plain) {
  return section_of(section, plain, {});
}

Bytes Packer::section_of(Section section, std::span<const std::uint8_t> plain, const Summary& summary) {
  Bytes packed(ZSTD_compressBound(plain.size()));
  const std::size_t bytes =
      ZSTD_compressCCtx(engine_, packed.data(), packed.size(), plain.data(), plain.size(), effort);
  if (ZSTD_isError(bytes) != 0) std::abort();  // there was room enough: nothing else can go wrong
  packed.resize(bytes);

  Bytes whole;
  whole.reserve(head_bytes + bytes);
  put_fixed(whole, head_magic, 4);
  put_fixed(whole, static_cast<std::uint8_t>(section), 4);
  put_fixed(whole, packed.size(), 4);
  put_fixed(whole, plain.size(), 4);
  put_fixed(whole, summary.events, 8);
  for (const std::uint64_t figure :
       {summary.first_event, summary.first_block, summary.live_bytes, summary.live_blocks, summary.peak_bytes,
        summary.peak_event, summary.first_time, summary.last_time, summary.begun, summary.unknown_frees})
    put_fixed(whole, figure, 8);
  put_fixed(whole, checksum_of(whole, packed), 8);
  whole.insert(whole.end(), packed.begin(), packed.end());
  return whole;
}

}  // namespace basalt::trace
