// Pages from the end of the data segment, as allocators of old took them.
#pragma once

#include <cstddef>
#include <initializer_list>

#include "../platform/os.hpp"
#include "heap_grower.hpp"

namespace basalt {

// The break belongs to the whole process: the C library and other threads move it too, between any two of our
// calls. So we believe only what `extend_break` answers, never what we saw before: what lies between two of our
// growths may be somebody's, and is never handed out.
//
// LibcOs goes through sbrk(3) and gets on with everybody who does. RawOs must be the only one to move the break: the C
// library would set it back to where it last saw it.
template <Os System>
class SbrkGrower {
 public:
  constexpr SbrkGrower() noexcept = default;

  [[nodiscard]] std::size_t page_size() const noexcept { return System::page_size(); }

  // Whole pages; contiguous with the growth before when nobody has moved the break since.
  [[nodiscard]] Result<Range> grow(std::size_t bytes) noexcept {
    if (bytes == 0) return Result<Range>::success({});
    const std::size_t size = align_up(bytes, page_size());
    if (size > max_request) return Result<Range>::failure(out_of_memory);
    if (size <= spare_.size) return counted(take_spare(size));
    const Result<Range> pages = obtain(size);
    return pages.ok() ? counted(pages.value) : pages;
  }

  [[nodiscard]] Result<Range> extend(std::byte* end, std::size_t bytes) noexcept {
    if (bytes == 0) return Result<Range>::success({end, 0});
    const std::size_t size = align_up(bytes, page_size());
    if (size <= spare_.size && end == spare_.begin) return counted(take_spare(size));
    const Result<std::byte*> last = System::extend_break(0);
    if (!last.ok()) return Result<Range>::failure(last.error);
    if (last.value != end) return Result<Range>::failure(out_of_memory);
    const Result<std::byte*> part = System::extend_break(size);
    if (!part.ok()) return Result<Range>::failure(part.error);
    if (part.value == end) return counted({end, size});
    keep(whole_pages({part.value, size}, page_size()));  // somebody was faster: it is ours, but not the next
    return Result<Range>::failure(out_of_memory);
  }

  [[nodiscard]] Error decommit(Range range) noexcept { return System::decommit(range); }

  [[nodiscard]] std::size_t pages() const noexcept { return pages_; }      // handed out
  [[nodiscard]] std::size_t growths() const noexcept { return growths_; }  // successful calls that gave some

 private:
  // Returns: at least `size` bytes of whole pages that nobody has had yet.
  [[nodiscard]] Result<Range> obtain(std::size_t size) noexcept {
    const std::size_t page = page_size();
    const Result<std::byte*> last = System::extend_break(0);
    if (!last.ok()) return Result<Range>::failure(last.error);
    // To the next page first, if somebody has left the break inside one. If he moves it again before our second
    // call, that is not enough; a whole page more always is.
    const auto padding = static_cast<std::size_t>(align_up(last.value, page) - last.value);
    for (const std::size_t bytes : {padding + size, size + page}) {
      const Result<std::byte*> part = System::extend_break(bytes);
      if (!part.ok()) return Result<Range>::failure(part.error);
      const Range pages = whole_pages({part.value, bytes}, page);
      if (pages.size >= size) return Result<Range>::success(pages);
      keep(pages);
    }
    return Result<Range>::failure(out_of_memory);
  }

  // Effects: remembers pages that are ours and could not be used for what they were asked for; the larger part,
  // if there are two.
  void keep(Range pages) noexcept {
    if (!spare_.empty() && spare_.end() == pages.begin) {
      spare_.size += pages.size;
    } else if (pages.size > spare_.size) {
      spare_ = pages;
    }
  }

  [[nodiscard]] Range take_spare(std::size_t size) noexcept {
    const Range taken = spare_.first(size);
    spare_ = spare_.after(size);
    return taken;
  }

  [[nodiscard]] Result<Range> counted(Range pages) noexcept {
    pages_ += pages.size / page_size();
    growths_ += 1;
    return Result<Range>::success(pages);
  }

  Range spare_;  // whole pages that are ours and not handed out
  std::size_t pages_ = 0;
  std::size_t growths_ = 0;
};

}  // namespace basalt
