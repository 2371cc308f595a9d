// What a player plays: the operations of a trace, for each thread one after another, ready to be carried out.
//
//   | ScriptHead | ScriptThread for each thread | ScriptOp for each operation, thread by thread |
//
// A block is known by a slot: a word of the player's table, in which its address is while it lives. Whoever frees a block gets its
// slot, and only the same thread allocates into it again; so a slot needs no lock, and each time it is filled it has the next
// generation. A free waits until its block's generation is there, and for nothing else. Where the memory is to be looked at, every
// thread has a sample among its operations: what came before it in the trace is done when all have come there, and nothing else is.
#pragma once

#include <cstdint>

namespace basalt::replay {

enum class Do : std::uint8_t { allocate, allocate_zeroed, allocate_aligned, reallocate, free, sample };

struct ScriptOp {
  std::uint32_t slot = 0;        // sample: which
  std::uint16_t generation = 0;  // that the slot has afterwards; free: that it has before
  Do what = Do::allocate;
  std::uint8_t alignment_log2 = 0;
  std::uint64_t size = 0;
};
static_assert(sizeof(ScriptOp) == 16);

struct ScriptThread {
  std::uint64_t first = 0;  // its first operation
  std::uint64_t count = 0;
};

struct ScriptHead {
  static constexpr std::uint64_t right_magic = 0x3152'5350'4c53'4142;

  std::uint64_t magic = right_magic;
  std::uint64_t threads = 0;
  std::uint64_t slots = 0;
  std::uint64_t samples = 0;
  std::uint64_t operations = 0;  // without samples
};

// What a player is to find out in a round.
enum class Measure : std::uint8_t {
  time,     // how long all takes
  own,      // the same without calling the allocator: what the player itself needs
  memory,   // what is resident at each sample
  latency,  // how long each operation takes
};

enum class Touch : std::uint8_t { none, first, all };

// The player's answer, in the file that it is given: this, and then a number of bytes for each sample.
struct Answer {
  std::uint64_t wall_ns = 0;
  std::uint64_t cpu_ns = 0;
  std::uint64_t failed = 0;  // allocations that were refused
  std::uint64_t p50_ticks = 0, p99_ticks = 0, p999_ticks = 0, longest_ticks = 0;
  std::uint64_t samples = 0;
};

}  // namespace basalt::replay
