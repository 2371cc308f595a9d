// A file that takes its name when it is whole: until then, one of that name stays as it is.
#pragma once

#include <string>

namespace basalt::tool {

// What is no file, a device or a pipe, is written to as it is.
class NewFile {
 public:
  explicit NewFile(std::string path);
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  // Where to write.
  [[nodiscard]] const std::string& part() const noexcept { return part_; }

  // Effects: it has its name.  Requires: it was written and closed.  Throws: UserError.
  void keep();

 private:
  std::string path_, part_;
};

}  // namespace basalt::tool
