// Whether code keeps the frame pointer, by which stacks are followed: from what a file tells of how to unwind it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace basalt::symbols {

struct FramePointers {
  std::uint64_t functions = 0;  // that have a frame at all
  std::uint64_t kept = 0;       // of these, those that keep the pointer to it

  [[nodiscard]] double share() const {
    return functions == 0 ? 1 : static_cast<double>(kept) / static_cast<double>(functions);
  }
};

// Returns: of the functions of a file; nothing if it is of another machine, or does not say.
[[nodiscard]] std::optional<FramePointers> frame_pointers_of(const std::string& path);

}  // namespace basalt::symbols
