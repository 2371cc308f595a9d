// Knows what an allocator has handed out, and so what it may not do next.
#pragma once

#include <cstddef>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/bits.hpp"
#include "base/range.hpp"

namespace basalt::test {

// One block that a caller holds: `size` bytes filled with a pattern of its own.
struct LiveBlock {
  std::byte* begin = nullptr;
  std::size_t size = 0;
  std::size_t alignment = 1;
  std::size_t offset = 0;
  unsigned char pattern = 0;
};

// Throws std::runtime_error with a sentence when the allocator breaks its word.
class Oracle {
 public:
  // The allocator has handed out a block: it must be aligned and disjoint from every other. Its bytes are filled.
  void born(LiveBlock block) {
    require(block.begin != nullptr, "a block at address 0");
    require((address_of(block.begin) + block.offset) % block.alignment == 0, "a block that is not aligned");
    const auto next = blocks_.lower_bound(address_of(block.begin));
    require(next == blocks_.end() || address_of(block.begin) + block.size <= next->first,
            "a block that overlaps the next");
    require(next == blocks_.begin() || end_of(std::prev(next)->second) <= address_of(block.begin),
            "a block that overlaps the one before");
    block.pattern = static_cast<unsigned char>(++births_ * 37 + 1);
    fill(block);
    blocks_.emplace(address_of(block.begin), block);
    bytes_ += block.size;
  }

  // A block is about to be given back: its contents must be what they were.
  LiveBlock dies(std::size_t index) {
    const LiveBlock block = at(index);
    check_contents(block, block.size);
    blocks_.erase(address_of(block.begin));
    bytes_ -= block.size;
    return block;
  }

  // A block that died by `dies` came back by reallocation: what both sizes share must have survived.
  void reborn(const LiveBlock& old, LiveBlock now) {
    LiveBlock kept = now;
    kept.pattern = old.pattern;
    check_contents(kept, std::min(old.size, now.size));
    born(now);
  }

  void check_all() const {
    for (const auto& [address, block] : blocks_) check_contents(block, block.size);
  }

  [[nodiscard]] const LiveBlock& at(std::size_t index) const {
    return std::next(blocks_.begin(), static_cast<long>(index))->second;
  }
  [[nodiscard]] std::size_t count() const { return blocks_.size(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

  static void require(bool kept, const std::string& otherwise) {
    if (!kept) throw std::runtime_error(otherwise);
  }

 private:
  [[nodiscard]] static std::uintptr_t end_of(const LiveBlock& block) {
    return address_of(block.begin) + block.size;
  }

  // The first page is written and checked byte by byte, the rest here and there: which bytes does not depend on the size,
  // so that a block can be checked after it has been resized.
  template <class Visit>
  static void each_sample(std::size_t size, Visit&& visit) {
    for (std::size_t i = 0; i < size; i += i < 4096 ? 1 : 509) visit(i);
  }

  static void fill(const LiveBlock& block) {
    each_sample(block.size,
                [&](std::size_t i) { block.begin[i] = static_cast<std::byte>(block.pattern + i); });
  }

  // Looks at the samples of `block` below `size`, wherever its size now is.
  static void check_contents(const LiveBlock& block, std::size_t size) {
    each_sample(block.size, [&](std::size_t i) {
      require(i >= size || block.begin[i] == static_cast<std::byte>(block.pattern + i),
              "contents that changed in the caller's hand");
    });
  }

  std::map<std::uintptr_t, LiveBlock> blocks_;
  std::size_t bytes_ = 0;
  std::size_t births_ = 0;
};

}  // namespace basalt::test
