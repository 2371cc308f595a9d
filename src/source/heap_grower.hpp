// Where bytes come from.
//
// A grower is a well: whoever needs memory asks it for more. That is its one duty; whether the bytes come from
// mmap, from the data segment, from an array or from a file is its own affair, and so is how many it really
// gives. What else a grower can do, it says by having the function: users find out at compile time.
#pragma once

#include <concepts>
#include <cstddef>

#include "../base/range.hpp"
#include "../base/result.hpp"

namespace basalt {

// Version 14 of the formatter cannot lay out a concept.
// clang-format off

// grow(bytes)   Effects: obtains at least `bytes` that nobody else uses, aligned to 8 at least.
//               Returns: what was really obtained, often more than was asked; an empty range for 0, which asks
//               for nothing. The contents are not specified.
//               Errors: the errno of the refusal (ENOMEM where there is none); the heap is then as it was.
// page_size()   Returns: the unit in which it gives, a power of two; constant.
template <class G>
concept HeapGrower = requires(G& grower, const G& known, std::size_t bytes) {
  { grower.grow(bytes) } noexcept -> std::same_as<Result<Range>>;
  { known.page_size() } noexcept -> std::same_as<std::size_t>;
};

// Optional duties. Ranges are whole pages that came from this grower, in one growth or in neighbouring ones.

// give_back(range)     Effects: the range is no longer ours and must not be touched.
//                      Errors: as the system says; the range is then still ours, contents intact.
template <class G>
concept GivesBack = HeapGrower<G> && requires(G& grower, Range range) {
  { grower.give_back(range) } noexcept -> std::same_as<Error>;
};

// decommit(range)      Effects: the memory goes, the addresses stay ours and read as zero.
//                      Errors: as the system says; nothing has changed.
template <class G>
concept Decommits = HeapGrower<G> && requires(G& grower, Range range) {
  { grower.decommit(range) } noexcept -> std::same_as<Error>;
};

// extend(end, bytes)   Effects: grows by at least `bytes` that begin exactly at `end`, the end of an earlier growth.
//                      Returns: the new part.  Errors: ENOMEM when something else lies there; nothing has changed.
template <class G>
concept ExtendsInPlace = HeapGrower<G> && requires(G& grower, std::byte* end, std::size_t bytes) {
  { grower.extend(end, bytes) } noexcept -> std::same_as<Result<Range>>;
};

// remap(range, bytes)  Effects: the contents of `range` move, uncopied, to a range of `bytes` (whole pages); the old
//                      addresses are no longer ours.  Errors: as the system says; nothing has changed.
template <class G>
concept Remaps = HeapGrower<G> && requires(G& grower, Range range, std::size_t bytes) {
  { grower.remap(range, bytes) } noexcept -> std::same_as<Result<Range>>;
};

// owns(range)          Returns: whether every byte of it came from this grower and has not been given back.
template <class G>
concept KnowsItsOwn = HeapGrower<G> && requires(const G& grower, Range range) {
  { grower.owns(range) } noexcept -> std::same_as<bool>;
};

// clang-format on

// A duty by name, for whoever counts or refuses them.
enum class Duty { grow, extend, give_back, decommit, remap };
inline constexpr std::size_t duties = 5;

}  // namespace basalt
