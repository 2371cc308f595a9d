// An operating system that refuses on purpose.
#pragma once

#include <cstddef>
#include <vector>

#include "platform/os.hpp"

namespace basalt::test {

// What an Os can refuse.
enum class Operation {
  map,
  unmap,
  remap,
  extend,
  decommit,
  extend_break,
  open_file,
  file_size,
  resize_file,
  map_file,
  reserve,
  open,
  close,
  map_at,
  remap_to,
  any
};

// Passes everything on to `Inner`, except for the calls that have been told to fail: those `Inner` never hears of.
// Its state belongs to the type; give each test a `Tag` of its own, or call `reset` first.
template <Os Inner, class Tag = void>
struct FailingOs : Inner {
  static void reset() { appointments.clear(), calls = 0, mapped = 0, failures = 0; }

  // The k-th call of `operation` from now on, counted from 1, fails with `error`. Any number may be appointed.
  static void fail_at(Operation operation, std::size_t k, Error error = out_of_memory) {
    appointments.push_back({operation, k, error});
  }

  static void refuse_nothing_more() { appointments.clear(); }

  static inline std::size_t calls = 0;     // of all operations that can be refused
  static inline std::size_t failures = 0;  // of them, refused on purpose
  static inline std::size_t mapped = 0;    // bytes of private memory obtained by `map` and not given back

  static Result<std::byte*> map(std::size_t bytes) noexcept {
    if (const Error due = next(Operation::map)) return Result<std::byte*>::failure(due);
    const Result<std::byte*> answer = Inner::map(bytes);
    if (answer.ok()) mapped += bytes;
    return answer;
  }

  static Error unmap(Range range) noexcept {
    if (const Error due = next(Operation::unmap)) return due;
    const Error answer = Inner::unmap(range);
    if (!answer) mapped -= range.size;
    return answer;
  }

  static Result<std::byte*> remap(Range range, std::size_t bytes) noexcept {
    if (const Error due = next(Operation::remap)) return Result<std::byte*>::failure(due);
    const Result<std::byte*> answer = Inner::remap(range, bytes);
    if (answer.ok()) mapped += bytes - range.size;
    return answer;
  }

  static Error extend(Range range, std::size_t bytes) noexcept {
    if (const Error due = next(Operation::extend)) return due;
    const Error answer = Inner::extend(range, bytes);
    if (!answer) mapped += bytes - range.size;
    return answer;
  }

  static Error decommit(Range range) noexcept {
    if (const Error due = next(Operation::decommit)) return due;
    return Inner::decommit(range);
  }

  static Result<std::byte*> extend_break(std::size_t bytes) noexcept {
    if (const Error due = next(Operation::extend_break)) return Result<std::byte*>::failure(due);
    return Inner::extend_break(bytes);
  }

  static Result<int> open_file(const char* path) noexcept {
    if (const Error due = next(Operation::open_file)) return Result<int>::failure(due);
    return Inner::open_file(path);
  }

  static Result<std::size_t> file_size(int file) noexcept {
    if (const Error due = next(Operation::file_size)) return Result<std::size_t>::failure(due);
    return Inner::file_size(file);
  }

  static Error resize_file(int file, std::size_t bytes) noexcept {
    if (const Error due = next(Operation::resize_file)) return due;
    return Inner::resize_file(file, bytes);
  }

  static Result<std::byte*> map_file(std::byte* at, std::size_t bytes, int file) noexcept {
    if (const Error due = next(Operation::map_file)) return Result<std::byte*>::failure(due);
    return Inner::map_file(at, bytes, file);
  }

  // What follows is there if `Inner` lets its callers lay out their address space.
  static Result<std::byte*> reserve(std::size_t bytes) noexcept requires AddressSpaceOs<Inner> {
    if (const Error due = next(Operation::reserve)) return Result<std::byte*>::failure(due);
    return Inner::reserve(bytes);
  }

  static Error open(Range range) noexcept requires AddressSpaceOs<Inner> {
    if (const Error due = next(Operation::open)) return due;
    return Inner::open(range);
  }

  static Error close(Range range) noexcept requires AddressSpaceOs<Inner> {
    if (const Error due = next(Operation::close)) return due;
    return Inner::close(range);
  }

  static Result<std::byte*> map_at(std::byte* at, std::size_t bytes) noexcept requires AddressSpaceOs<Inner> {
    if (const Error due = next(Operation::map_at)) return Result<std::byte*>::failure(due);
    return Inner::map_at(at, bytes);
  }

  static Error remap_to(Range range, std::byte* at,
                        std::size_t bytes) noexcept requires AddressSpaceOs<Inner> {
    if (const Error due = next(Operation::remap_to)) return due;
    return Inner::remap_to(range, at, bytes);
  }

 private:
  struct Appointment {
    Operation operation;
    std::size_t calls_left;  // up to the one that fails, which is 1; 0 when it is over
    Error error;
  };

  static Error next(Operation operation) noexcept {
    calls += 1;
    Error due;
    for (Appointment& appointment : appointments) {
      if (appointment.calls_left == 0) continue;
      if (appointment.operation != operation && appointment.operation != Operation::any) continue;
      appointment.calls_left -= 1;
      if (appointment.calls_left == 0) due = appointment.error;
    }
    failures += due ? 1u : 0u;
    return due;
  }

  static inline std::vector<Appointment> appointments;
};

}  // namespace basalt::test
