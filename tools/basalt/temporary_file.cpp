#include "temporary_file.hpp"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>

#include "console.hpp"

namespace basalt::tool {

TemporaryFile::TemporaryFile(const std::string& what) {
  const char* const wish = std::getenv("TMPDIR");
  path_ = std::string{wish == nullptr || *wish == '\0' ? "/tmp" : wish} + "/basalt-" + what + "-XXXXXX";
  const int file = ::mkstemp(path_.data());
  if (file < 0)
    throw UserError("there is no room for the " + what + " in " + path_,
                    "set TMPDIR to a folder that can be written to");
  ::close(file);
  passing_ = std::make_unique<Passing>(path_);
}

TemporaryFile::~TemporaryFile() { ::unlink(path_.c_str()); }

std::string TemporaryFile::bytes() const {
  std::ifstream file{path_, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

}  // namespace basalt::tool
