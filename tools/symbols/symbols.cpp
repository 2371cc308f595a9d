#include "symbols.hpp"

#include <cxxabi.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <fmt/format.h>
#include <gelf.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "record/maps.hpp"

namespace basalt::symbols {

namespace {

[[nodiscard]] std::string demangled(const char* name) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text{abi::__cxa_demangle(name, nullptr, nullptr, &status),
                                                    std::free};
  return status == 0 && text != nullptr ? text.get() : name;
}

// By its linkage name, which knows its parameters, or by the plain one; it may stand where the function was declared.
[[nodiscard]] std::string name_of(Dwarf_Die* function) {
  Dwarf_Attribute attribute;
  for (const unsigned name : {DW_AT_linkage_name, DW_AT_MIPS_linkage_name}) {
    if (dwarf_attr_integrate(function, name, &attribute) == nullptr) continue;
    if (const char* const text = dwarf_formstring(&attribute)) return demangled(text);
  }
  const char* const plain = dwarf_diename(function);
  return plain == nullptr ? "" : plain;
}

[[nodiscard]] std::string last_part(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

// One file, with a session of libdwfl of its own, so that addresses are those in the file.
class Symbolizer::File {
 public:
  explicit File(const std::string& path) {
    static const Dwfl_Callbacks callbacks{dwfl_build_id_find_elf, dwfl_standard_find_debuginfo,
                                          dwfl_offline_section_address, nullptr};
    session_ = dwfl_begin(&callbacks);
    module_ = session_ == nullptr ? nullptr : dwfl_report_offline(session_, path.c_str(), path.c_str(), -1);
    if (session_ != nullptr) dwfl_report_end(session_, nullptr, nullptr);
    elf_ = module_ == nullptr ? nullptr : dwfl_module_getelf(module_, &bias_);
  }
  ~File() { dwfl_end(session_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  // Returns: what lies at that offset of the file.
  [[nodiscard]] std::vector<Frame> frames(std::uint64_t offset) const {
    const std::optional<GElf_Addr> place = address_of(offset);
    if (!place) return {};
    const Dwarf_Addr address = *place + bias_;
    std::vector<Frame> found;
    add_inlined(address, found);
    if (found.empty()) {
      const char* const name = dwfl_module_addrname(module_, address);
      if (name == nullptr) return {};
      found.push_back({demangled(name), "", 0, false});
    }
    add_line(address, found.front());
    return found;
  }

 private:
  [[nodiscard]] std::optional<GElf_Addr> address_of(std::uint64_t offset) const {
    std::size_t count = 0;
    if (elf_ == nullptr || elf_getphdrnum(elf_, &count) != 0) return std::nullopt;
    for (std::size_t i = 0; i != count; ++i) {
      GElf_Phdr part;
      if (gelf_getphdr(elf_, static_cast<int>(i), &part) == nullptr || part.p_type != PT_LOAD) continue;
      if (part.p_offset <= offset && offset < part.p_offset + part.p_filesz)
        return part.p_vaddr + (offset - part.p_offset);
    }
    return std::nullopt;
  }

  // From the innermost function to the one that has code of its own. Each says where the one inside it was called.
  void add_inlined(Dwarf_Addr address, std::vector<Frame>& found) const {
    Dwarf_Addr bias = 0;
    Dwarf_Die* const unit = dwfl_module_addrdie(module_, address, &bias);
    Dwarf_Die* scopes = nullptr;
    const int count = unit == nullptr ? 0 : dwarf_getscopes(unit, address - bias, &scopes);
    if (count <= 0) return;
    Dwarf_Die* chain = nullptr;
    const int depth = dwarf_getscopes_die(&scopes[0], &chain);
    for (int i = 0; i < depth; ++i) {
      const int tag = dwarf_tag(&chain[i]);
      if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_subprogram) continue;
      found.push_back({name_of(&chain[i]), "", 0, tag == DW_TAG_inlined_subroutine});
      if (tag == DW_TAG_subprogram) break;
      calls_.push_back(place_of_call(&chain[i], unit));
    }
    for (std::size_t i = 0; i != calls_.size() && i + 1 < found.size(); ++i) {
      found[i + 1].file = calls_[i].file;
      found[i + 1].line = calls_[i].line;
    }
    calls_.clear();
    std::free(chain);
    std::free(scopes);
  }

  struct Place {
    std::string file;
    int line = 0;
  };
  [[nodiscard]] static Place place_of_call(Dwarf_Die* inlined, Dwarf_Die* unit) {
    Place place;
    Dwarf_Attribute attribute;
    Dwarf_Word line = 0, file = 0;
    if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &attribute), &line) == 0)
      place.line = static_cast<int>(line);
    Dwarf_Files* files = nullptr;
    std::size_t count = 0;
    if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &attribute), &file) == 0 &&
        dwarf_getsrcfiles(unit, &files, &count) == 0 && file < count) {
      if (const char* const name = dwarf_filesrc(files, file, nullptr, nullptr)) place.file = name;
    }
    return place;
  }

  void add_line(Dwarf_Addr address, Frame& frame) const {
    Dwfl_Line* const line = dwfl_module_getsrc(module_, address);
    if (line == nullptr) return;
    if (const char* const name = dwfl_lineinfo(line, nullptr, &frame.line, nullptr, nullptr, nullptr))
      frame.file = name;
  }

  Dwfl* session_ = nullptr;
  Dwfl_Module* module_ = nullptr;
  Elf* elf_ = nullptr;
  GElf_Addr bias_ = 0;
  mutable std::vector<Place> calls_;
};

// Names come from this machine: nobody is asked over the network, whatever the environment says.
Symbolizer::Symbolizer(const trace::Tables& tables) : tables_{tables} { ::unsetenv("DEBUGINFOD_URLS"); }
Symbolizer::~Symbolizer() = default;

Symbolizer::File* Symbolizer::file_of(const trace::Module& module) {
  const auto [place, is_new] = files_.try_emplace(module.path);
  if (!is_new) return place->second.get();
  if (!module.build_id.empty() && record::build_id_of(module.path) != module.build_id) {
    changed_.push_back(module.path);
    return nullptr;
  }
  place->second = std::make_unique<File>(module.path);
  return place->second.get();
}

std::vector<Frame> Symbolizer::look_up(std::uint64_t address) {
  const trace::Module* const module = tables_.module_of(address);
  if (module == nullptr) return {{fmt::format("{:#x}", address), "", 0, false}};
  const std::uint64_t offset = address - module->begin + module->file_offset;
  std::vector<Frame> found;
  if (const File* const file = file_of(*module)) found = file->frames(offset);
  if (found.empty())
    found.push_back({fmt::format("{}+{:#x}", last_part(module->path), offset), "", 0, false});
  return found;
}

const std::vector<Frame>& Symbolizer::frames(std::uint64_t address) {
  const auto [place, is_new] = known_.try_emplace(address);
  if (is_new) place->second = look_up(address);
  return place->second;
}

std::vector<Frame> Symbolizer::stack(std::uint32_t stack) {
  std::vector<Frame> all;
  for (const std::uint64_t address : tables_.addresses(stack)) {
    const std::vector<Frame>& some = frames(address);
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

bool is_plumbing(const Frame& frame) {
  constexpr std::array beginnings{
      "std::",   "__gnu_cxx::", "operator new", "void std::", "void* std::",    "void* operator new",
      "malloc",  "calloc",      "realloc",      "__libc_",    "posix_memalign", "xmalloc",
      "xcalloc", "xrealloc",    "g_malloc",     "g_realloc",  "g_slice_alloc"};
  const std::string_view name = frame.function;
  if (std::any_of(beginnings.begin(), beginnings.end(),
                  [name](const char* begin) { return name.starts_with(begin); }))
    return true;
  // A template that returns something has its type in front of its name.
  const std::size_t space = name.find(' ');
  return space != std::string_view::npos && space < name.find('(') &&
         (name.substr(space + 1).starts_with("std::") || name.substr(space + 1).starts_with("__gnu_cxx::"));
}

const Frame& cause(const std::vector<Frame>& stack) {
  const auto found = std::find_if_not(stack.begin(), stack.end(), is_plumbing);
  return found == stack.end() ? stack.front() : *found;
}

namespace {

void replace_all(std::string& text, std::string_view what, std::string_view by) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
}

// Effects: takes out the arguments of templates that begin so and are the last of their list.
void drop_last_arguments(std::string& text, std::string_view beginning) {
  for (std::size_t at = text.find(beginning); at != std::string::npos; at = text.find(beginning, at)) {
    std::size_t end = at + beginning.size();
    for (int depth = 1; depth != 0 && end < text.size(); ++end)
      depth += text[end] == '<' ? 1 : text[end] == '>' ? -1 : 0;
    const std::size_t next = end < text.size() && text[end] == ' ' ? end + 1 : end;
    if (next < text.size() && text[next] == '>') {
      text.erase(at, next - at);
    } else {
      at += beginning.size();  // a parameter of a function
    }
  }
}

}  // namespace

std::string shortened(std::string name) {
  replace_all(name, "std::__cxx11::", "std::");
  replace_all(name, "std::__1::", "std::");
  drop_last_arguments(name, ", std::allocator<");
  replace_all(name, "std::basic_string<char, std::char_traits<char>>", "std::string");
  return name;
}

std::string text_of(const Frame& frame) {
  if (frame.file.empty()) return shortened(frame.function);
  return fmt::format("{} ({}:{})", shortened(frame.function), last_part(frame.file), frame.line);
}

}  // namespace basalt::symbols
