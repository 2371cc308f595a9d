// Profiles in the format of pprof, whoever wrote them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace basalt::tool {

struct Profile {
  struct Kind {
    std::string name, unit;  // inuse_space, bytes
    std::int64_t sum = 0;
  };
  std::vector<Kind> kinds;
  std::map<std::string, std::int64_t> places;  // of the last kind, by the function that is to blame
};

// Returns: whether the file begins as gzip does, which such profiles are packed with.
[[nodiscard]] bool is_packed(const std::string& path);

// Throws: UserError, if it is none.
[[nodiscard]] Profile read_profile(const std::string& path);

}  // namespace basalt::tool
