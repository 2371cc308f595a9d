// Runs of slices that were freed and may not be touched for a while: whoever still knows their addresses faults.
#pragma once

#include <cstddef>

#include "chunk_map.hpp"

namespace basalt::engine {

// In the order in which they came: none leaves before as many others have come as there are places.
//
// Everything here requires the lock of the Space.
class ExiledRuns {
 public:
  // Effects: `run` is in exile.  Returns: the run that has been there for the longest and is not any more; of no slices if there
  // was room.
  [[nodiscard]] Run admit(Run run) noexcept {
    const Run leaving = runs_[next_];
    runs_[next_] = run;
    next_ = (next_ + 1) % places;
    return leaving;
  }

 private:
  // Each is a mapping or two: few beside the 65,530 that there may be. What is opened again is one with its neighbours.
  static constexpr std::size_t places = 64;

  Run runs_[places] = {};
  std::size_t next_ = 0;
};

}  // namespace basalt::engine
