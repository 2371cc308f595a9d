// Reads a trace, also one that was cut off or damaged: up to the damage.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "header.hpp"
#include "tables.hpp"

namespace basalt::trace {

// Where bytes are read from.
class Input {
 public:
  virtual ~Input() = default;
  [[nodiscard]] virtual std::uint64_t size() const = 0;
  // Returns: whether all of `to` was read.
  [[nodiscard]] virtual bool read(std::uint64_t offset, std::span<std::uint8_t> to) = 0;
};

// Returns: nullptr, and errno says why, if the file cannot be opened.
[[nodiscard]] std::unique_ptr<Input> open_file(const std::string& path);
[[nodiscard]] std::unique_ptr<Input> in_memory(Bytes bytes);

// Nothing is read ahead: blocks are found by the index, or by their heads if there is none, and unpacked one at a time.
class Reader {
 public:
  // Errors: `damage()` says what is wrong with a file of which nothing can be read; then there are no blocks.
  explicit Reader(std::unique_ptr<Input> input);

  [[nodiscard]] const Header& header() const noexcept { return header_; }
  [[nodiscard]] std::size_t blocks() const noexcept { return places_.size(); }
  [[nodiscard]] const Summary& summary(std::size_t block) const { return places_[block].head.summary; }
  [[nodiscard]] std::uint64_t bytes() const { return input_ == nullptr ? 0 : input_->size(); }

  // Of a file without a footer: the sums over the blocks that were found, and the ending `interrupted`.
  [[nodiscard]] const Totals& totals() const noexcept { return totals_; }

  // Effects: `events` are those of a block.
  // Returns: false if the block is damaged; then `damage()` says so, and `events` is empty.
  [[nodiscard]] bool read(std::size_t block, std::vector<Event>& events);

  // Effects: every block is read as it lies in the file, and not unpacked.
  // Returns: whether all are sound; else `damage()` says which is not.
  [[nodiscard]] bool check();

  // What the stacks of events refer to. Tables that are damaged are not in it.
  [[nodiscard]] const Tables& tables() const noexcept { return tables_; }

  // Returns: one sentence on what was found wrong so far; empty if nothing.
  [[nodiscard]] const std::string& damage() const noexcept { return damage_; }
  // Returns: whether the file is a trace at all, of a version that we can read.
  [[nodiscard]] bool readable() const noexcept { return readable_; }

 private:
  struct Place {
    std::uint64_t offset;
    std::uint8_t bytes[head_bytes];
    Head head;
  };

  [[nodiscard]] bool read_header();
  [[nodiscard]] bool read_footer();
  [[nodiscard]] bool add_place(std::uint64_t offset);
  void say_damaged(const Place& place);
  [[nodiscard]] bool read_section(const Place& place, Bytes& plain);
  void scan();
  void read_tables();
  void say(std::string sentence);

  std::unique_ptr<Input> input_;
  Header header_;
  std::uint64_t first_offset_ = 0;  // of the first block
  std::vector<Place> places_;       // of the blocks of events
  std::vector<Place> table_places_;
  Tables tables_;
  Totals totals_;
  std::string damage_;
  bool readable_ = false;
};

}  // namespace basalt::trace
