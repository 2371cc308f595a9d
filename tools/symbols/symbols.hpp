// The names of addresses: functions, files and lines, those that were inlined as well. From the files on this machine only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "trace/tables.hpp"

namespace basalt::symbols {

struct Frame {
  std::string function;  // demangled; of an unknown one its file and the address in it
  std::string file;      // as the compiler was given it; empty: not known
  int line = 0;
  bool inlined = false;  // into the frame that follows
};

class Symbolizer {
 public:
  explicit Symbolizer(const trace::Tables& tables);
  ~Symbolizer();
  Symbolizer(const Symbolizer&) = delete;
  Symbolizer& operator=(const Symbolizer&) = delete;

  // Returns: the innermost function first; one at least.
  [[nodiscard]] const std::vector<Frame>& frames(std::uint64_t address);

  // Returns: of all calls of a stack, the innermost first.
  [[nodiscard]] std::vector<Frame> stack(std::uint32_t stack);

  // Returns: the files whose build-id is another now than when the trace was made: they have no names here.
  [[nodiscard]] const std::vector<std::string>& changed() const noexcept { return changed_; }

 private:
  class File;

  [[nodiscard]] std::vector<Frame> look_up(std::uint64_t address);
  [[nodiscard]] File* file_of(const trace::Module& module);

  const trace::Tables& tables_;
  std::map<std::string, std::unique_ptr<File>> files_;  // by path; nullptr: cannot be read, or has changed
  std::map<std::uint64_t, std::vector<Frame>> known_;
  std::vector<std::string> changed_;
};

// Returns: whether a function only passes on what others ask for: operator new, allocators and containers of the standard
// library, and the names that many programs give to a malloc that does not fail.
[[nodiscard]] bool is_plumbing(const Frame& frame);

// Returns: the innermost call that is not plumbing, or the innermost of all.  Requires: there is one.
[[nodiscard]] const Frame& cause(const std::vector<Frame>& stack);

// Returns: the name of a function as one would write it: `std::string`, and containers without their allocators.
[[nodiscard]] std::string shortened(std::string name);

// `function (file:line)`, shortened, and the file without its folders.
[[nodiscard]] std::string text_of(const Frame& frame);

}  // namespace basalt::symbols
