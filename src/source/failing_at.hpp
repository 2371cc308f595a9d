// Refuses on purpose, at a call of your choice.
#pragma once

#include <cstddef>

#include "heap_grower.hpp"

namespace basalt {

// For tests of whoever uses a grower. The calls of each duty are counted apart, from 1; a call that is chosen fails
// before the grower inside has heard of it. It has the duties of the grower inside, no more.
template <HeapGrower Grower>
class FailingAt : public Grower {
 public:
  using Grower::Grower;

  // Effects: the k-th call of `duty` from now on fails with `error`, once. One appointment for each duty; 0 cancels it.
  void fail_at(Duty duty, std::size_t k, Error error = out_of_memory) noexcept {
    appointments_[static_cast<std::size_t>(duty)] = {k, error};
  }

  [[nodiscard]] Result<Range> grow(std::size_t bytes) noexcept {
    if (const Error due = next(Duty::grow)) return Result<Range>::failure(due);
    return Grower::grow(bytes);
  }

  [[nodiscard]] Result<Range> extend(std::byte* end,
                                     std::size_t bytes) noexcept requires ExtendsInPlace<Grower> {
    if (const Error due = next(Duty::extend)) return Result<Range>::failure(due);
    return Grower::extend(end, bytes);
  }

  [[nodiscard]] Error give_back(Range range) noexcept requires GivesBack<Grower> {
    if (const Error due = next(Duty::give_back)) return due;
    return Grower::give_back(range);
  }

  [[nodiscard]] Error decommit(Range range) noexcept requires Decommits<Grower> {
    if (const Error due = next(Duty::decommit)) return due;
    return Grower::decommit(range);
  }

  [[nodiscard]] Result<Range> remap(Range range, std::size_t bytes) noexcept requires Remaps<Grower> {
    if (const Error due = next(Duty::remap)) return Result<Range>::failure(due);
    return Grower::remap(range, bytes);
  }

 private:
  struct Appointment {
    std::size_t calls_left = 0;  // up to the one that fails, which is 1; 0: none is to fail
    Error error;
  };

  [[nodiscard]] Error next(Duty duty) noexcept {
    Appointment& appointment = appointments_[static_cast<std::size_t>(duty)];
    if (appointment.calls_left == 0) return no_error;
    appointment.calls_left -= 1;
    return appointment.calls_left == 0 ? appointment.error : no_error;
  }

  Appointment appointments_[duties];
};

}  // namespace basalt
