// The pointer column of a block of events: only what its reader cannot know is written.
//
// Allocators reuse first what was freed last. So for each thread and class of sizes both sides keep the addresses that were freed since
// the block of events began: usually a new block lies at the last of them, and a byte that is 0 says so.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "bytes.hpp"
#include "event.hpp"

namespace basalt::trace {

inline constexpr std::uint64_t most_address = (std::uint64_t{1} << 60) - 1;

class Addresses {
 public:
  // Blocks with smaller numbers began before, and nothing is known of them.
  explicit Addresses(std::uint64_t first_block) : first_block_{first_block} {}

  // Requires: the pointer of a free is that of its block, and none is above most_address.
  void put(Column& column, const Event& event);

  // Effects: the event has its pointer.  Requires: it is whole but for that, and no block ends twice.
  void take(Cursor& column, Event& event);

 private:
  static constexpr unsigned class_count = 74;

  struct Own {
    std::uint64_t pointer = 0;
    unsigned size_class = 0;
  };
  struct Freed {
    std::uint64_t pointer = 0;
    std::uint32_t below = 0;  // in `freed_`; 0: none
  };
  struct Shelf {
    std::uint64_t last = 0;  // where a block was that was not on it
    std::uint32_t top = 0;   // in `freed_`; 0: it is empty
  };
  using Shelves = std::array<Shelf, class_count>;

  [[nodiscard]] static unsigned class_of(std::uint64_t size) noexcept;
  [[nodiscard]] Shelf& shelf(std::uint32_t thread, unsigned size_class);
  [[nodiscard]] const Own* own(std::uint64_t block) const;
  void shelve(std::uint32_t thread, const Own& own);
  void settle(const Event& event, unsigned size_class, Shelf& shelf, bool was_on_it);

  std::uint64_t first_block_;
  std::uint64_t last_foreign_ = 0;  // a freed block's, of which nothing was known
  std::vector<Own> own_;            // the blocks that began, by number
  std::vector<Freed> freed_{Freed{}};
  std::unordered_map<std::uint32_t, std::unique_ptr<Shelves>> threads_;
  std::uint32_t thread_ = 0;    // whose shelves were used last
  Shelves* shelves_ = nullptr;  // and where they are
};

}  // namespace basalt::trace
