// What a trace consists of.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace basalt::trace {

// The numbers are those of the file: see docs/reference/trace-format.md.
enum class Op : std::uint8_t {
  allocate,
  allocate_zeroed,
  allocate_aligned,
  reallocate,  // an old block ends and a new one begins, in one step
  free,
  free_unknown,  // of a pointer whose allocation was not seen
  thread_start,
  thread_end,
};
inline constexpr std::uint8_t op_count = 8;

// As they are printed.
inline constexpr std::array<std::string_view, op_count> op_names{
    "malloc", "calloc", "aligned", "realloc", "free", "free-unknown", "thread-start", "thread-end"};

[[nodiscard]] constexpr bool begins_block(Op op) noexcept { return op <= Op::reallocate; }
[[nodiscard]] constexpr bool ends_block(Op op) noexcept { return op == Op::reallocate || op == Op::free; }

inline constexpr std::uint8_t natural_alignment_log2 = 4;

// A block is known by its number: the blocks of a trace are counted from 0 in the order in which they begin.
struct Event {
  Op op = Op::allocate;
  std::uint8_t alignment_log2 = natural_alignment_log2;
  std::uint32_t thread = 0;  // counted from 0 in the order in which threads first allocate
  std::uint64_t size = 0;    // bytes asked for, if a block begins
  std::uint64_t block = 0;   // the number of the block that begins
  std::uint64_t ended = 0;   // the number of the block that ends
  std::uint32_t stack = 0;   // who called, if a block begins: see tables.hpp; 0 if it is not known
  std::uint64_t pointer =
      0;                   // where the new block lies, or the freed one lay; 0 in a trace without the column
  std::uint64_t time = 0;  // ns since the recording began; 0 in a trace without the column

  friend bool operator==(const Event&, const Event&) = default;
};

}  // namespace basalt::trace
