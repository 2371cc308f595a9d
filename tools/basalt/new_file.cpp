#include "new_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "console.hpp"

namespace basalt::tool {

namespace {

[[noreturn]] void refuse(const std::string& path) {
  throw UserError(fmt::format("{} cannot be written: {}", path, std::strerror(errno)),
                  "name another file with -o");
}

[[nodiscard]] bool is_written_directly(const std::string& path) {
  std::error_code unknown;
  const std::filesystem::file_status status = std::filesystem::status(path, unknown);
  return std::filesystem::exists(status) && !std::filesystem::is_regular_file(status);
}

[[nodiscard]] std::string where_it_leads(const std::string& path) {
  std::error_code unknown;
  const std::filesystem::path target = std::filesystem::weakly_canonical(path, unknown);
  return unknown ? path : target.string();
}

}  // namespace

NewFile::NewFile(const std::string& path) : path_{where_it_leads(path)}, part_{path_} {
  if (is_written_directly(path_)) return;
  part_ = fmt::format("{}.{}.part", path_, ::getpid());
  const int file = ::open(part_.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
  if (file < 0) refuse(path);
  ::close(file);
  ours_ = true;
}

NewFile::~NewFile() {
  if (ours_) std::remove(part_.c_str());
}

void NewFile::keep() {
  if (ours_ && std::rename(part_.c_str(), path_.c_str()) != 0) refuse(path_);
  ours_ = false;
}

}  // namespace basalt::tool
