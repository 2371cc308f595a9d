// A file for what a program leaves to the tool, gone with the object.
#pragma once

#include <memory>
#include <string>

#include "signals.hpp"

namespace basalt::tool {

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
  std::string path_;
  std::unique_ptr<Passing> passing_;
};

}  // namespace basalt::tool
