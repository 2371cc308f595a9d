#include "addresses.hpp"

#include <bit>

namespace basalt::trace {

namespace {

constexpr std::uint64_t step = 16;  // bytes: most addresses are that far from each other, or a multiple of it

// Twice the steps, zigzag; or twice the bytes and one more, if they are no whole steps.
[[nodiscard]] constexpr std::uint64_t folded(std::uint64_t difference) noexcept {
  if (difference % step != 0) return zigzag(difference) << 1 | 1;
  return zigzag(static_cast<std::uint64_t>(static_cast<std::int64_t>(difference) / std::int64_t{step})) << 1;
}
[[nodiscard]] constexpr std::uint64_t unfolded(std::uint64_t value) noexcept {
  const std::uint64_t difference = unzigzag(value >> 1);
  return value % 2 != 0 ? difference : difference * step;
}

}  // namespace

// Steps of 16 bytes up to 128, then eight steps to each doubling, up to 32 KiB; what is larger is one class.
unsigned Addresses::class_of(std::uint64_t size) noexcept {
  const std::uint64_t last = size == 0 ? 0 : size - 1;
  if (last < 128) return static_cast<unsigned>(last / step);
  const auto bits = static_cast<unsigned>(std::bit_width(last));
  if (bits > 15) return class_count - 1;
  return 8 + (bits - 8) * 8 + static_cast<unsigned>(last >> (bits - 4) & 7);
}

Addresses::Shelf& Addresses::shelf(std::uint32_t thread, unsigned size_class) {
  if (shelves_ == nullptr || thread != thread_) {
    auto& place = threads_[thread];
    if (place == nullptr) place = std::make_unique<Shelves>();
    shelves_ = place.get();
    thread_ = thread;
  }
  return (*shelves_)[size_class];
}

const Addresses::Own* Addresses::own(std::uint64_t block) const {
  return block < first_block_ ? nullptr : &own_[static_cast<std::size_t>(block - first_block_)];
}

void Addresses::shelve(std::uint32_t thread, const Own& own) {
  Shelf& to = shelf(thread, own.size_class);
  freed_.push_back({own.pointer, to.top});
  to.top = static_cast<std::uint32_t>(freed_.size() - 1);
}

void Addresses::settle(const Event& event, unsigned size_class, Shelf& shelf, bool was_on_it) {
  if (was_on_it) {
    shelf.top = freed_[shelf.top].below;
  } else {
    shelf.last = event.pointer;
  }
  own_.push_back({event.pointer, size_class});
}

void Addresses::put(Column& column, const Event& event) {
  const Own* const ended = ends_block(event.op) ? own(event.ended) : nullptr;
  if (ended != nullptr) shelve(event.thread, *ended);
  if (event.op == Op::free_unknown || (event.op == Op::free && ended == nullptr)) {
    column.varint(folded(event.pointer - last_foreign_));
    last_foreign_ = event.pointer;
  }
  if (!begins_block(event.op)) return;
  const unsigned size_class = class_of(event.size);
  Shelf& from = shelf(event.thread, size_class);
  const bool is_on_it = from.top != 0 && freed_[from.top].pointer == event.pointer;
  column.varint(is_on_it ? 0 : folded(event.pointer - from.last) + 1);
  settle(event, size_class, from, is_on_it);
}

void Addresses::take(Cursor& column, Event& event) {
  const Own* const ended = ends_block(event.op) ? own(event.ended) : nullptr;
  if (ended != nullptr) {
    event.pointer = ended->pointer;
    shelve(event.thread, *ended);
  }
  if (event.op == Op::free_unknown || (event.op == Op::free && ended == nullptr))
    event.pointer = last_foreign_ += unfolded(column.varint());
  if (!begins_block(event.op)) return;
  const unsigned size_class = class_of(event.size);
  Shelf& from = shelf(event.thread, size_class);
  const std::uint64_t code = column.varint();
  event.pointer = code == 0 ? freed_[from.top].pointer : from.last + unfolded(code - 1);
  settle(event, size_class, from, code == 0);
}

}  // namespace basalt::trace
