#include "maps.hpp"

#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <libelf.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <system_error>

namespace basalt::record {

std::vector<trace::Module> modules_in(const std::string& maps) {
  std::vector<trace::Module> found;
  std::istringstream lines{maps};
  for (std::string line; std::getline(lines, line);) {
    trace::Module module;
    char rights[5] = {};
    int path = 0;
    if (std::sscanf(line.c_str(), "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %*s %n", &module.begin,
                    &module.end, rights, &module.file_offset, &path) < 4)
      continue;
    if (rights[2] != 'x' || path == 0 || line[static_cast<std::size_t>(path)] != '/') continue;
    module.path = line.substr(static_cast<std::size_t>(path));
    module.build_id = build_id_of(module.path);
    found.push_back(std::move(module));
  }
  return found;
}

std::vector<trace::Module> modules_of(std::uint32_t pid) {
  std::ifstream file{fmt::format("/proc/{}/maps", pid)};
  return modules_in({std::istreambuf_iterator<char>{file}, {}});
}

std::string build_id_of(const std::string& path) {
  std::string text;
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return text;
  elf_version(EV_CURRENT);
  Elf* const elf = elf_begin(file, ELF_C_READ_MMAP, nullptr);
  const void* bytes = nullptr;
  const ssize_t size = elf == nullptr ? 0 : dwelf_elf_gnu_build_id(elf, &bytes);
  for (ssize_t i = 0; i < size; ++i)
    text += fmt::format("{:02x}", static_cast<const unsigned char*>(bytes)[i]);
  elf_end(elf);
  ::close(file);
  return text;
}

std::uint32_t own_number_for(std::uint32_t other) {
  std::error_code ignored;
  const auto numbers_of = [&](const std::string& process) {
    return std::filesystem::read_symlink("/proc/" + process + "/ns/pid", ignored);
  };
  const auto own = numbers_of("self");
  return !own.empty() && own == numbers_of(std::to_string(other)) ? static_cast<std::uint32_t>(::getpid())
                                                                  : 0;
}

}  // namespace basalt::record
