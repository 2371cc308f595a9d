#include "allocators.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "child.hpp"
#include "console.hpp"
#include "program_file.hpp"

namespace basalt::tool {

namespace {

namespace fs = std::filesystem;

struct Known {
  const char* name;
  const char* prefix;  // of the file's name
};

constexpr std::array others{
    Known{"jemalloc", "libjemalloc.so"},
    Known{"mimalloc", "libmimalloc.so"},
    Known{"tcmalloc", "libtcmalloc_minimal.so"},
    Known{"tbbmalloc", "libtbbmalloc_proxy.so"},
    Known{"snmalloc", "libsnmallocshim.so"},
    Known{"rpmalloc", "librpmallocwrap.so"},
    Known{"scudo", "libclang_rt.scudo_standalone"},
    Known{"hardened_malloc", "libhardened_malloc.so"},
};
constexpr std::array ours{Known{"basalt", "basalt"}, Known{"hardened", "basalt-hardened"},
                          Known{"small", "basalt-basic"}};
constexpr std::array folders{"/usr/local/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu",
                             "/usr/lib64", "/usr/lib"};

// Returns: the first file in those folders whose name begins so; empty if there is none.
[[nodiscard]] std::string find(const std::string& prefix) {
  for (const char* const folder : folders) {
    std::error_code ignored;
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator{folder, ignored}) {
      if (entry.path().filename().string().starts_with(prefix)) found.push_back(entry.path().string());
    }
    if (!found.empty()) return *std::min_element(found.begin(), found.end());
  }
  return "";
}

}  // namespace

Allocator allocator_named(const std::string& name) {
  if (name == "glibc" || name == "system") return {name, ""};
  for (const Known& own : ours) {
    if (name == own.name) return {name, library_path(own.prefix)};
  }
  if (name.find('/') != std::string::npos) {
    if (!fs::exists(name))
      throw UserError(fmt::format("there is no library {}", name),
                      "give the path of a shared library that replaces malloc");
    if (!names_defined_in(name).contains("malloc"))
      throw UserError(fmt::format("{} is no library with a malloc in it", name),
                      "give the path of a shared library that replaces malloc");
    return {fs::path{name}.filename().string(), fs::absolute(name).string()};
  }
  for (const Known& other : others) {
    if (name != other.name) continue;
    if (const std::string library = find(other.prefix); !library.empty()) return {name, library};
    throw UserError(
        fmt::format("{} is not installed: there is no {}* where libraries are", name, other.prefix),
        "install it, or give a path");
  }
  throw UserError(fmt::format("there is no allocator called {}", name),
                  "there are basalt, hardened, small, glibc, jemalloc, mimalloc, tcmalloc, tbbmalloc, "
                  "snmalloc, rpmalloc, scudo, "
                  "hardened_malloc, and any library by its path; all are those that are here");
}

std::vector<Allocator> all_allocators() {
  std::vector<Allocator> all;
  for (const Known& own : ours) all.push_back(allocator_named(own.name));
  all.push_back(allocator_named("glibc"));
  for (const Known& other : others) {
    if (const std::string library = find(other.prefix); !library.empty())
      all.push_back({other.name, library});
  }
  return all;
}

std::vector<Allocator> usual_allocators() {
  std::vector<Allocator> all{allocator_named("basalt"), allocator_named("glibc")};
  for (const Known& other : others) {
    const std::string name = other.name;
    if (name != "jemalloc" && name != "mimalloc" && name != "tcmalloc") continue;
    if (const std::string library = find(other.prefix); !library.empty()) all.push_back({name, library});
  }
  return all;
}

}  // namespace basalt::tool
