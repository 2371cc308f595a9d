// The sentences with which reports begin: one for each crime.
#pragma once

#include <cstddef>

#include "../platform/backoff.hpp"
#include "../platform/faults.hpp"
#include "report.hpp"
#include "slot.hpp"

namespace basalt::guard {

inline constexpr std::byte pattern{0xb5};  // of what nobody may write to beside a block

// Effects: says where `address` is, seen from the block.
inline void write_place(Report& report, const Slot& slot, std::uintptr_t address) noexcept {
  const std::uintptr_t begin = address_of(slot.block);
  if (address < begin) {
    report << begin - address << " bytes before a block of " << slot.size << " bytes";
  } else if (address < begin + slot.size) {
    report << address - begin << " bytes into a block of " << slot.size << " bytes";
  } else {
    report << address - begin - slot.size << " bytes after a block of " << slot.size << " bytes";
  }
}

[[noreturn, gnu::cold]] inline void report_fault(const Slot& slot, const Fault& fault,
                                                 const Stack& now) noexcept {
  Report report;
  const void* const address = reinterpret_cast<const void*>(fault.address);
  if (!slot.known()) {
    report << "basalt: invalid access: " << word_for(fault.access) << " " << address
           << ", where no block has ever been";
    report.end(now);
  }
  const bool freed = slot.state.now() != State::live;
  const char* const crime = freed                                    ? "use after free"
                            : fault.address < address_of(slot.block) ? "heap underflow"
                                                                     : "heap overflow";
  report << "basalt: " << crime << ": " << word_for(fault.access) << " " << address << ", ";
  write_place(report, slot, fault.address);
  if (freed) report << " that was freed";
  report.end(slot, now);
}

[[noreturn, gnu::cold]] inline void report_write(const Slot& slot, const std::byte* written,
                                                 const Stack& now) noexcept {
  Report report;
  report << "basalt: heap " << (written < slot.block ? "underflow" : "overflow") << ": the byte at "
         << static_cast<const void*>(written) << ", ";
  write_place(report, slot, address_of(written));
  report << ", was overwritten before the block was freed";
  report.end(slot, now);
}

// Another thread may still be freeing the block; what it does is told when it is through.
[[noreturn, gnu::cold]] inline void refuse_freed(const Slot& slot, const char* caller,
                                                 const Stack& now) noexcept {
  for (unsigned look = 0; look < 10'000 && slot.state.now() == State::leaving; ++look) RawOs::yield();
  Report report;
  report << "basalt: ";
  if (caller == nullptr) {
    report << "double free: ";
  } else {
    report << "invalid pointer in " << caller << ": ";
  }
  report << static_cast<const void*>(slot.block) << " is free already";
  report.end(slot, now);
}

[[noreturn, gnu::cold]] inline void refuse_inside(const Slot& slot, const void* p, const char* caller,
                                                  const Stack& now) noexcept {
  Report report;
  report << "basalt: invalid pointer in " << (caller == nullptr ? "free" : caller) << ": " << p
         << " is not the beginning of a block";
  if (!slot.known()) report.end(now);
  report << "; it lies ";
  write_place(report, slot, address_of(p));
  report.end(slot, now);
}

[[noreturn, gnu::cold]] inline void refuse_origin(const Slot& slot, Origin given_back,
                                                  const Stack& now) noexcept {
  Report report;
  report << "basalt: mismatched " << free_for(given_back) << ": " << static_cast<const void*>(slot.block)
         << " came from " << name_of(slot.origin) << ", which goes with " << free_for(slot.origin);
  report.end(slot, now);
}

[[noreturn, gnu::cold]] inline void refuse_size(const Slot& slot, std::size_t size,
                                                const Stack& now) noexcept {
  Report report;
  report << "basalt: invalid size in free_sized: " << static_cast<const void*>(slot.block) << " has "
         << slot.size << " bytes and cannot have been asked for with " << size;
  report.end(slot, now);
}

}  // namespace basalt::guard
