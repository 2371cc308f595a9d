// A file for what a program leaves to the tool, gone with the object.
#pragma once

#include <memory>
#include <string>

#include "signals.hpp"

namespace basalt::tool {

// It lies in a folder of its own: what a program has started may outlive it, and would else make the file anew.
class TemporaryFile {
 public:
  // In TMPDIR, or /tmp; `what` is a word of its name, and of the message if there is no room for it.  Throws: UserError.
  explicit TemporaryFile(const std::string& what);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] std::string bytes() const;

 private:
  std::string folder_, path_;
  std::unique_ptr<Passing> passing_folder_, passing_file_;
};

}  // namespace basalt::tool
