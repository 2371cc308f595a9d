// A file that takes its name when it is whole: until then, one of that name stays as it is.
#pragma once

#include <string>

namespace basalt::tool {

// A device or a pipe is written to directly. Where the name is a link, the file is the one that it leads to.
class NewFile {
 public:
  // Throws: UserError if there can be no such file.
  explicit NewFile(const std::string& path);
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  // Where to write.
  [[nodiscard]] const std::string& part() const noexcept { return part_; }

  // Effects: it has its name.  Requires: it was written and closed.  Throws: UserError.
  void keep();

 private:
  std::string path_, part_;
  bool ours_ = false;  // the part is there, and nobody else's
};

}  // namespace basalt::tool
