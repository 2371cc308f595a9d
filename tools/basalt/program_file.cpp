#include "program_file.hpp"

#include <fcntl.h>
#include <gelf.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace basalt::tool {

namespace fs = std::filesystem;

namespace {

template <class Choose>
[[nodiscard]] std::set<std::string> names_in(Elf* elf, Choose choose) {
  std::set<std::string> names;
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf, section)) != nullptr;) {
    GElf_Shdr head;
    if (gelf_getshdr(section, &head) == nullptr ||
        (head.sh_type != SHT_DYNSYM && head.sh_type != SHT_SYMTAB) || head.sh_entsize == 0)
      continue;
    Elf_Data* const data = elf_getdata(section, nullptr);
    for (std::size_t i = 0; i != head.sh_size / head.sh_entsize; ++i) {
      GElf_Sym symbol;
      if (gelf_getsym(data, static_cast<int>(i), &symbol) == nullptr || !choose(symbol)) continue;
      if (const char* const name = elf_strptr(elf, head.sh_link, symbol.st_name)) names.insert(name);
    }
  }
  return names;
}

}  // namespace

ProgramFile::ProgramFile(const std::string& path) : file_{::open(path.c_str(), O_RDONLY | O_CLOEXEC)} {
  elf_version(EV_CURRENT);
  if (file_ >= 0) elf_ = elf_begin(file_, ELF_C_READ_MMAP, nullptr);
  if (elf_ != nullptr && elf_kind(elf_) != ELF_K_ELF) elf_end(elf_), elf_ = nullptr;
}

ProgramFile::~ProgramFile() {
  elf_end(elf_);
  if (file_ >= 0) ::close(file_);
}

bool ProgramFile::asks_for_a_linker() const {
  std::size_t count = 0;
  elf_getphdrnum(elf_, &count);
  for (std::size_t i = 0; i != count; ++i) {
    GElf_Phdr part;
    if (gelf_getphdr(elf_, static_cast<int>(i), &part) != nullptr && part.p_type == PT_INTERP) return true;
  }
  return false;
}

int ProgramFile::word_bits() const { return gelf_getclass(elf_) == ELFCLASS64 ? 64 : 32; }

std::set<std::string> ProgramFile::defined() const {
  return names_in(elf_, [](const GElf_Sym& symbol) { return symbol.st_shndx != SHN_UNDEF; });
}

std::set<std::string> ProgramFile::wanted() const {
  return names_in(elf_, [](const GElf_Sym& symbol) { return symbol.st_shndx == SHN_UNDEF; });
}

std::set<std::string> names_defined_in(const std::string& path) {
  const ProgramFile file{path};
  return file.ok() ? file.defined() : std::set<std::string>{};
}

std::string path_of(const std::string& name) {
  if (name.find('/') != std::string::npos) return fs::exists(name) ? name : "";
  const char* const path = std::getenv("PATH");
  std::istringstream folders{path == nullptr ? "/usr/bin:/bin" : path};
  for (std::string folder; std::getline(folders, folder, ':');) {
    std::string file = (folder.empty() ? "." : folder) + "/" + name;
    if (::access(file.c_str(), X_OK) == 0 && !fs::is_directory(file)) return file;
  }
  return "";
}

std::string interpreter_of(const std::string& path) {
  std::ifstream file{path};
  std::string line;
  std::getline(file, line);
  if (!line.starts_with("#!")) return "";
  std::istringstream words{line.substr(2)};
  std::string first, second;
  words >> first >> second;
  return first.ends_with("/env") && !second.empty() ? path_of(second) : first;
}

namespace {

// The dynamic linker ignores preloaded libraries where a program gains rights.
void look_at_rights(const std::string& path, std::vector<Obstacle>& found) {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) != 0) return;
  const bool gains = ((facts.st_mode & S_ISUID) != 0 && facts.st_uid != ::geteuid()) ||
                     ((facts.st_mode & S_ISGID) != 0 && facts.st_gid != ::getegid());
  if (gains)
    found.push_back(
        {path + " is setuid or setgid: it ignores LD_PRELOAD", "run it as its owner, or link it to Basalt"});
  if (::getxattr(path.c_str(), "security.capability", nullptr, 0) > 0 && ::geteuid() != 0)
    found.push_back({path + " has capabilities of its own: it ignores LD_PRELOAD",
                     "run a copy, which has none, or link it to Basalt"});
}

}  // namespace

std::vector<Obstacle> obstacles_of(const std::string& path) {
  std::vector<Obstacle> found;
  look_at_rights(path, found);
  const ProgramFile file{path};
  if (!file.ok()) return found;
  if (file.word_bits() != 64)
    found.push_back({path + " is a program of 32 bits", "Basalt is built for 64 bits"});
  else if (!file.asks_for_a_linker())
    found.push_back(
        {path + " is linked statically: nothing can be preloaded", "link it to basalt::global instead"});
  return found;
}

}  // namespace basalt::tool
