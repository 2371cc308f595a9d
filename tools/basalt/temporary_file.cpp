#include "temporary_file.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>

#include "console.hpp"

namespace basalt::tool {

TemporaryFile::TemporaryFile(const std::string& what) {
  const char* const wish = std::getenv("TMPDIR");
  const std::string place = wish == nullptr || *wish == '\0' ? "/tmp" : wish;
  folder_ = place + "/basalt-" + what + "-XXXXXX";
  if (::mkdtemp(folder_.data()) == nullptr)
    throw UserError("there is no room for the " + what + " in " + place,
                    "set TMPDIR to a folder that can be written to");
  passing_folder_ = std::make_unique<Passing>(folder_);
  path_ = folder_ + "/" + what;
  passing_file_ = std::make_unique<Passing>(path_);
}

TemporaryFile::~TemporaryFile() {
  std::error_code none;
  std::filesystem::remove_all(folder_, none);
}

std::string TemporaryFile::bytes() const {
  std::ifstream file{path_, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

}  // namespace basalt::tool
