// A well with a bottom: so many bytes and no more.
#pragma once

#include <cstddef>

#include "heap_grower.hpp"

namespace basalt {

// Law: held <= limit, if the grower inside gives no more than the whole pages asked for. One that gives larger
// portions belongs outside: AtLeast<Bounded<…>>, which then falls back to what is really needed near the limit.
// Decommitted pages still count: their addresses are held.
template <HeapGrower Grower>
class Bounded : public Grower {
 public:
  // `limit` in bytes; what else is given goes to the grower inside.
  template <class... Arguments>
  explicit constexpr Bounded(std::size_t limit, Arguments&&... arguments) noexcept
      : Grower(static_cast<Arguments&&>(arguments)...), limit_{limit} {}

  // Errors: ENOMEM when that would be beyond the limit; else those of the grower inside.
  [[nodiscard]] Result<Range> grow(std::size_t bytes) noexcept {
    if (!allows(bytes)) return Result<Range>::failure(out_of_memory);
    return held_more(Grower::grow(bytes), 0);
  }

  [[nodiscard]] Result<Range> extend(std::byte* end,
                                     std::size_t bytes) noexcept requires ExtendsInPlace<Grower> {
    if (!allows(bytes)) return Result<Range>::failure(out_of_memory);
    return held_more(Grower::extend(end, bytes), 0);
  }

  [[nodiscard]] Error give_back(Range range) noexcept requires GivesBack<Grower> {
    const Error error = Grower::give_back(range);
    if (!error) held_ -= range.size;
    return error;
  }

  [[nodiscard]] Result<Range> remap(Range range, std::size_t bytes) noexcept requires Remaps<Grower> {
    if (bytes > range.size && !allows(bytes - range.size)) return Result<Range>::failure(out_of_memory);
    return held_more(Grower::remap(range, bytes), range.size);
  }

  [[nodiscard]] std::size_t limit() const noexcept { return limit_; }  // bytes
  [[nodiscard]] std::size_t held() const noexcept { return held_; }    // bytes obtained and not given back

 private:
  [[nodiscard]] bool allows(std::size_t bytes) const noexcept {
    return held_ <= limit_ && align_up(bytes, this->page_size()) <= limit_ - held_;
  }

  Result<Range> held_more(Result<Range> obtained, std::size_t instead_of) noexcept {
    if (obtained.ok()) held_ = held_ - instead_of + obtained.value.size;
    return obtained;
  }

  std::size_t limit_;
  std::size_t held_ = 0;
};

}  // namespace basalt
