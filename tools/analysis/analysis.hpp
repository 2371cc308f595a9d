// What a trace says of a program, found in one pass.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "trace/reader.hpp"

namespace basalt::analysis {

// Blocks that live for so few allocations could have lain on the stack, or in a pool.
inline constexpr std::uint64_t short_life = 64;
inline constexpr std::size_t page_bytes = 4096;

struct Amount {
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;

  void add(std::uint64_t more) { ++count, bytes += more; }
  void remove(std::uint64_t less) { --count, bytes -= less; }
  Amount& operator+=(const Amount& other) { return count += other.count, bytes += other.bytes, *this; }
};

// All blocks that were allocated by one stack.
struct Site {
  Amount allocated;
  Amount chosen;                    // live at the moment that was chosen
  Amount left;                      // live at the end
  Amount temporary;                 // freed before their thread allocated anything else
  Amount brief;                     // freed within `short_life` allocations
  std::uint64_t steps = 0;          // how often a block of it became larger, or was replaced by a larger one
  std::uint64_t longest_steps = 0;  // of one block
  std::uint64_t copied = 0;         // bytes that had to move for that, at most
  std::uint64_t largest = 0;
  std::uint64_t same_size = 0;  // size of its first block; UINT64_MAX: they differ
  Amount pinned;                // pages that it alone keeps, and their bytes: see `Fragmentation`

  Site& operator+=(const Site& other);
};

struct Point {
  std::uint64_t event = 0, bytes = 0, blocks = 0;
};

// Where blocks lay at the chosen moment, if the trace has addresses: pages of which less than a quarter was in use, and the sites
// of the blocks on them.
struct Fragmentation {
  bool known = false;
  std::uint64_t pages = 0, sparse_pages = 0;
  std::uint64_t bytes_on_sparse = 0;
};

struct Findings {
  Amount allocated, freed, left, at_chosen;
  Amount temporary, brief;
  std::uint64_t events = 0;  // that could be read
  std::uint64_t reallocated = 0;
  std::uint64_t unknown_frees = 0;
  Point chosen;
  std::vector<Site> sites;         // by stack
  std::array<Amount, 65> sizes{};  // by the number of bits of the size asked for
  std::array<Amount, 65>
      lifetimes{};  // of freed blocks, by the number of bits of how many began while they lived
  std::map<std::pair<std::uint32_t, std::uint32_t>, Amount> threads;  // who allocated, who freed
  std::vector<Point> curve;
  Fragmentation fragmentation;
};

// Returns: the event after which most bytes are live, from the summaries; of the first `events` only.
[[nodiscard]] std::uint64_t peak_event(const trace::Reader& reader, std::uint64_t events = UINT64_MAX);

// Returns: the last event that was not later.  Requires: the trace has times.
[[nodiscard]] std::uint64_t event_at(trace::Reader& reader, std::uint64_t nanoseconds);

// `chosen` is the event after which memory is looked at; `progress` gets the number of events that were read. If it lies behind a
// damage, memory is looked at where it can be: if it is the peak, at that of what could be read, else at the end of that.
[[nodiscard]] Findings analyse(trace::Reader& reader, std::uint64_t chosen,
                               const std::function<void(std::uint64_t)>& progress);

}  // namespace basalt::analysis
