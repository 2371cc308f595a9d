// Programs as files: what can be told of one without running it.
#pragma once

#include <set>
#include <string>
#include <vector>

struct Elf;

namespace basalt::tool {

// What can be read from a file in the ELF format.
class ProgramFile {
 public:
  explicit ProgramFile(const std::string& path);
  ~ProgramFile();
  ProgramFile(const ProgramFile&) = delete;
  ProgramFile& operator=(const ProgramFile&) = delete;

  [[nodiscard]] bool ok() const noexcept { return elf_ != nullptr; }
  [[nodiscard]] bool asks_for_a_linker() const;
  [[nodiscard]] int word_bits() const;

  // Returns: the names that it defines, or those that it wants from others; with debug information all that it defines.
  [[nodiscard]] std::set<std::string> defined() const;
  [[nodiscard]] std::set<std::string> wanted() const;

 private:
  int file_;
  Elf* elf_ = nullptr;
};

// Returns: what the file defines; nothing if it is not in that format.
[[nodiscard]] std::set<std::string> names_defined_in(const std::string& path);

// Returns: as execvp finds it; empty if it is not there.
[[nodiscard]] std::string path_of(const std::string& name);

// Returns: the program that a script names in its first line; empty if the file is no script.
[[nodiscard]] std::string interpreter_of(const std::string& path);

// Why nothing can be preloaded into a program, and what to do.
struct Obstacle {
  std::string what, next;
};

// Returns: those that the file tells of.
[[nodiscard]] std::vector<Obstacle> obstacles_of(const std::string& path);

}  // namespace basalt::tool
