// Which block lives where, at some moment.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace basalt::record {

struct LiveBlock {
  std::uint64_t number = 0;
  std::uint64_t size = 0;  // bytes asked for
};

// A hash table whose entries lie side by side, in one array: it is asked about every event. What is taken out leaves no mark:
// those behind it move up, so the table is as fast at the end of a recording as at the beginning.
//
// Law: between the place that an entry's address hashes to and the entry's own place nothing is free.
template <class Value>
class BlockMap {
 public:
  BlockMap() : entries_(1 << 12) {}

  // Returns: what was at that address before, if anything was.
  std::optional<Value> put(std::uint64_t address, const Value& block) {
    if ((count_ + 1) * 2 > entries_.size()) grow();
    Entry& entry = entries_[place_of(address)];
    std::optional<Value> before;
    if (entry.address == address) {
      before = entry.block;
    } else {
      ++count_;
    }
    entry = {address, block};
    return before;
  }

  std::optional<Value> take(std::uint64_t address) {
    std::size_t hole = place_of(address);
    if (entries_[hole].address != address) return std::nullopt;
    const Value block = entries_[hole].block;
    for (std::size_t next = after(hole); entries_[next].address != 0; next = after(next)) {
      const std::size_t wish = home_of(entries_[next].address);
      if (distance(wish, next) < distance(hole, next)) continue;  // it would come before its own place
      entries_[hole] = entries_[next];
      hole = next;
    }
    entries_[hole] = {};
    --count_;
    return block;
  }

  // Returns: what is there, to be changed; nullptr if nothing is. Good until the next `put` or `take`.
  [[nodiscard]] Value* find(std::uint64_t address) {
    Entry& entry = entries_[place_of(address)];
    return entry.address == address ? &entry.block : nullptr;
  }

  // Effects: what is asked about that address soon is answered without waiting for memory.
  void prefetch(std::uint64_t address) const noexcept { __builtin_prefetch(&entries_[home_of(address)], 1); }

  // Effects: `use` gets every address and what is there, in no order.
  template <class Use>
  void for_each(Use use) const {
    for (const Entry& entry : entries_) {
      if (entry.address != 0) use(entry.address, entry.block);
    }
  }

  // Effects: `use` gets everything that is there, to be changed, in no order.
  template <class Use>
  void for_each_value(Use use) {
    for (Entry& entry : entries_) {
      if (entry.address != 0) use(entry.block);
    }
  }

  [[nodiscard]] std::size_t size() const noexcept { return count_; }

 private:
  struct Entry {
    std::uint64_t address = 0;  // 0: free
    Value block{};
  };

  [[nodiscard]] std::size_t home_of(std::uint64_t address) const noexcept {
    const std::uint64_t mixed = (address >> 4) * 0x9e37'79b9'7f4a'7c15;
    return static_cast<std::size_t>(mixed >> (64 - std::countr_zero(entries_.size())));
  }
  [[nodiscard]] std::size_t after(std::size_t place) const noexcept { return (place + 1) % entries_.size(); }
  [[nodiscard]] std::size_t distance(std::size_t from, std::size_t to) const noexcept {
    return (to - from) & (entries_.size() - 1);
  }
  // Returns: where the address is, or the free place where it would be.
  [[nodiscard]] std::size_t place_of(std::uint64_t address) const noexcept {
    std::size_t place = home_of(address);
    while (entries_[place].address != 0 && entries_[place].address != address) place = after(place);
    return place;
  }

  void grow() {
    std::vector<Entry> old(entries_.size() * 2);
    old.swap(entries_);
    for (const Entry& entry : old) {
      if (entry.address != 0) entries_[place_of(entry.address)] = entry;
    }
  }

  std::vector<Entry> entries_;  // their number is a power of two
  std::size_t count_ = 0;
};

using LiveMap = BlockMap<LiveBlock>;

}  // namespace basalt::record
