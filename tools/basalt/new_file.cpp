#include "new_file.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "console.hpp"

namespace basalt::tool {

namespace {

[[nodiscard]] bool is_device(const std::string& path) {
  std::error_code unknown;
  const std::filesystem::file_status status = std::filesystem::status(path, unknown);
  return std::filesystem::exists(status) && !std::filesystem::is_regular_file(status);
}

}  // namespace

NewFile::NewFile(std::string path)
    : path_{std::move(path)}, part_{is_device(path_) ? path_ : path_ + ".part"} {}

NewFile::~NewFile() {
  if (part_ != path_) std::remove(part_.c_str());
}

void NewFile::keep() {
  if (part_ != path_ && std::rename(part_.c_str(), path_.c_str()) != 0)
    throw UserError(fmt::format("{} cannot be written: {}", path_, std::strerror(errno)),
                    "name another file with -o");
  part_ = path_;
}

}  // namespace basalt::tool
