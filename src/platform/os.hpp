// What Basalt asks of an operating system. `Os` is a type, so that tests can put one in that fails on
// purpose.
#pragma once

#include <concepts>
#include <cstddef>

#include "../base/range.hpp"
#include "../base/result.hpp"

namespace basalt {

// All sizes are bytes; every range given to it consists of whole pages that came from it.
// An operation that fails changes nothing and says why with an errno.
//
//   page_size()              Returns: the size of a page, read at run time; never changes.
//   map(bytes)               Returns: fresh zeroed private memory.
//   unmap(range)             Effects: the addresses are gone.  Errors: ENOMEM when a split would need one
//                            mapping too many; the range is then still there.
//   remap(range, bytes)      Effects: the same contents in a range of `bytes`, perhaps elsewhere, without a copy.
//   extend(range, bytes)     Effects: as remap, but the beginning stays where it is, or it fails.
//   decommit(range)          Effects: gives the memory back and keeps the addresses, which then read as zero.
//   extend_break(bytes)      Returns: where the new end part of the data segment begins; for 0, where it would.
//                            The break belongs to the whole process, C library included: see SbrkGrower.
//   open_file(path)          Returns: a descriptor of a file made if need be; nullptr: one without a name.
//   file_size(fd)            Returns: how many bytes the file has.
//   resize_file, close_file  as ftruncate(2) and close(2).
//   map_file(at, bytes, fd)  Returns: the file's bytes, shared, at `at` exactly; nullptr lets the kernel choose.
//                            The mapping may be longer than the file: it can be used as far as the file goes.
//                            Errors: EEXIST when something else lies there.
//   write(fd, text, bytes)   Effects: writes what it can; for messages, so it does not fail.
//   yield()                  Effects: lets another thread run.
//
// Version 14 of the formatter cannot lay out a concept.
// clang-format off
template <class T>
concept Os = requires(Range range, std::size_t bytes, std::byte* at, const char* text, int fd) {
  { T::page_size() } noexcept -> std::same_as<std::size_t>;
  { T::map(bytes) } noexcept -> std::same_as<Result<std::byte*>>;
  { T::unmap(range) } noexcept -> std::same_as<Error>;
  { T::remap(range, bytes) } noexcept -> std::same_as<Result<std::byte*>>;
  { T::extend(range, bytes) } noexcept -> std::same_as<Error>;
  { T::decommit(range) } noexcept -> std::same_as<Error>;
  { T::extend_break(bytes) } noexcept -> std::same_as<Result<std::byte*>>;
  { T::open_file(text) } noexcept -> std::same_as<Result<int>>;
  { T::file_size(fd) } noexcept -> std::same_as<Result<std::size_t>>;
  { T::resize_file(fd, bytes) } noexcept -> std::same_as<Error>;
  { T::close_file(fd) } noexcept;
  { T::map_file(at, bytes, fd) } noexcept -> std::same_as<Result<std::byte*>>;
  { T::write(fd, text, bytes) } noexcept;
  { T::yield() } noexcept;
};

// What an allocator needs besides that lays out its own address space.
//
//   reserve(bytes)           Returns: addresses that nothing else will get, and that may not be touched yet.
//   open(range)              Effects: part of a reservation becomes fresh zeroed memory.
//   close(range)             Effects: undoes `open`: the memory goes back, the addresses stay and may not be touched. Where that is
//                            refused they may be touched as before, though what was there may be gone.
//   map_at(at, bytes)        Returns: fresh zeroed memory at `at` exactly.  Errors: EEXIST when something lies there.
//   remap_to(range, at, bytes)
//                            Effects: as remap, to `at` exactly.  Requires: nothing lies there.
//   guard(range)             Effects: the range, which is never used again, may not be touched, at no cost in mappings.
//                            Errors: where the system cannot do that.
//   prefer_huge_pages(range) Effects: the system may back the range with pages of 2 MiB or so. A wish: nothing depends on it.
template <class T>
concept AddressSpaceOs = Os<T> && requires(Range range, std::size_t bytes, std::byte* at) {
  { T::reserve(bytes) } noexcept -> std::same_as<Result<std::byte*>>;
  { T::open(range) } noexcept -> std::same_as<Error>;
  { T::close(range) } noexcept -> std::same_as<Error>;
  { T::map_at(at, bytes) } noexcept -> std::same_as<Result<std::byte*>>;
  { T::remap_to(range, at, bytes) } noexcept -> std::same_as<Error>;
  { T::guard(range) } noexcept -> std::same_as<Error>;
  { T::prefer_huge_pages(range) } noexcept;
};
// clang-format on

}  // namespace basalt
