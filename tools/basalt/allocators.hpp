// The allocators that a program can be run on.
#pragma once

#include <string>
#include <vector>

namespace basalt::tool {

struct Allocator {
  std::string name;
  std::string library;  // to be preloaded; empty: the system's own
};

// Returns: ours by their names, glibc, others if they are installed (jemalloc, mimalloc, tcmalloc, tbbmalloc, snmalloc, rpmalloc,
// scudo, hardened_malloc), or any library by its path.  Throws: UserError, if there is none of that name.
[[nodiscard]] Allocator allocator_named(const std::string& name);

// Returns: ours, glibc, and all others that are here.
[[nodiscard]] std::vector<Allocator> all_allocators();

// Returns: the engine, glibc, and the best known others that are here.
[[nodiscard]] std::vector<Allocator> usual_allocators();

}  // namespace basalt::tool
