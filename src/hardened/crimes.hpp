// What the hardened library says of a program that misuses memory. The sentences are part of the interface:
// docs/reference/messages.md.
#pragma once

#include <cstddef>

#include "../base/origin.hpp"
#include "../engine/crimes.hpp"

namespace basalt::hardened {

// A span whose slots were all free, so that the page map does not know it any more.
struct FreeSpan {
  const engine::Span& span;
};

inline void describe_block(Report& report, const FreeSpan& free, const void* p) noexcept {
  engine::describe_slot(report, free.span, p);
  report << ", which was free as a whole\n";
}

// `Space` is where the block is looked up, for the line about it.
template <class Space>
[[noreturn, gnu::cold]] void refuse_origin(const Space& space, const void* p, Origin asked,
                                           Origin given_back) noexcept {
  Report report;
  report << "basalt: mismatched " << free_for(given_back) << ": " << p << " came from " << name_of(asked)
         << ", which goes with " << free_for(asked) << "\n";
  engine::describe_block(report, space, p);
  end_report(report, Noticed::at_once, "the two have to go together, in all of the program");
}

template <class Space>
[[noreturn, gnu::cold]] void refuse_size(const Space& space, const void* p, std::size_t size,
                                         std::size_t given) noexcept {
  Report report;
  report << "basalt: invalid size in free_sized: " << p << " has " << size
         << " bytes and cannot have been asked for with " << given << "\n";
  engine::describe_block(report, space, p);
  end_report(report, Noticed::at_once,
             "an object may have been deleted through a base class without a virtual destructor");
}

template <class Space>
[[noreturn, gnu::cold]] void refuse_overflow(const Space& space, const void* p, std::size_t size) noexcept {
  Report report;
  report << "basalt: heap overflow: what lies behind the " << size << " bytes at " << p
         << " was overwritten before they were freed\n";
  engine::describe_block(report, space, p);
  end_report(report, Noticed::at_once, "something writes past the end of this block while it lives");
}

template <class Place>  // a Space, or a FreeSpan
[[noreturn, gnu::cold]] void refuse_late_write(const Place& place, const void* written, const void* p,
                                               std::size_t offset) noexcept {
  Report report;
  report << "basalt: use of free memory: the word at " << written << ", " << offset
         << " bytes into the free block at " << p << ", was overwritten\n";
  describe_block(report, place, p);
  end_report(report, Noticed::late, "something has kept a pointer to this block for longer than the block");
}

template <class Space>
[[noreturn, gnu::cold]] void refuse_freed(const Space& space, const void* p, const char* caller) noexcept {
  Report report;
  report << "basalt: invalid pointer in " << caller << ": " << p << " is free already\n";
  engine::describe_block(report, space, p);
  end_report(report, Noticed::at_once, engine::freed_before);
}

}  // namespace basalt::hardened
