#include "frame_pointers.hpp"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <gelf.h>
#include <unistd.h>

#include <cstring>
#include <string_view>

namespace basalt::symbols {

namespace {

// What keeping it looks like: on x86-64 the frame is found by rbp, on aarch64 x29 is saved.
struct Machine {
  GElf_Half number;
  std::uint64_t pointer;
  bool is_base;  // of the frame; else it is enough that it is saved
};
constexpr Machine machines[] = {{EM_X86_64, 6, true}, {EM_AARCH64, 29, false}};

class Cursor {
 public:
  Cursor(const std::uint8_t* at, const std::uint8_t* end) : at_{at}, end_{end} {}
  [[nodiscard]] bool more() const { return at_ < end_; }
  void skip(std::uint64_t bytes) { at_ += bytes < left() ? bytes : left(); }
  [[nodiscard]] std::uint8_t byte() { return more() ? *at_++ : std::uint8_t{0}; }
  std::uint64_t number() {  // in LEB128; nobody asks for one with a sign
    std::uint64_t value = 0;
    for (unsigned shift = 0; more(); shift += 7) {
      const std::uint8_t part = byte();
      if (shift < 64) value |= std::uint64_t{part & 0x7fU} << shift;
      if ((part & 0x80) == 0) break;
    }
    return value;
  }

 private:
  [[nodiscard]] std::uint64_t left() const { return static_cast<std::uint64_t>(end_ - at_); }
  const std::uint8_t* at_;
  const std::uint8_t* end_;
};

// What the instructions of one function say.
struct Frame {
  bool moves = false;   // it has a frame
  bool kept = false;    // and a pointer to it
  bool is_odd = false;  // a stub of the linker, or where the process begins: there is nobody above
};

class Instructions {
 public:
  Instructions(Cursor cursor, const Machine& machine) : cursor_{cursor}, machine_{machine} {}

  [[nodiscard]] Frame read() {
    while (cursor_.more()) step(cursor_.byte());
    return frame_;
  }

 private:
  void step(std::uint8_t op) {
    switch (op & 0xc0) {
      case DW_CFA_offset:
        saved(op & 0x3fU);
        cursor_.number();
        return;
      case 0:
        return extended(op);
      default:
        return;  // DW_CFA_advance_loc, DW_CFA_restore: all is in the byte
    }
  }

  void extended(std::uint8_t op) {
    switch (op) {
      case DW_CFA_advance_loc1:
        return cursor_.skip(1);
      case DW_CFA_advance_loc2:
        return cursor_.skip(2);
      case DW_CFA_advance_loc4:
        return cursor_.skip(4);
      case DW_CFA_set_loc:
        return cursor_.skip(8);
      case DW_CFA_def_cfa:
      case DW_CFA_def_cfa_sf:
        based_on(cursor_.number());
        cursor_.number();
        return;
      case DW_CFA_def_cfa_register:
        return based_on(cursor_.number());
      case DW_CFA_def_cfa_offset:
      case DW_CFA_def_cfa_offset_sf:
        frame_.moves = true;
        cursor_.number();
        return;
      case DW_CFA_undefined:
        frame_.is_odd = true;
        cursor_.number();
        return;
      case DW_CFA_def_cfa_expression:
        frame_.is_odd = true;
        return cursor_.skip(cursor_.number());
      default:
        return others(op);
    }
  }

  void others(std::uint8_t op) {
    switch (op) {
      case DW_CFA_offset_extended:
      case DW_CFA_offset_extended_sf:
      case DW_CFA_val_offset:
      case DW_CFA_val_offset_sf:
      case DW_CFA_register:
      case DW_CFA_GNU_negative_offset_extended:
        cursor_.number();
        cursor_.number();
        return;
      case DW_CFA_expression:
      case DW_CFA_val_expression:
        cursor_.number();
        return cursor_.skip(cursor_.number());
      case DW_CFA_restore_extended:
      case DW_CFA_same_value:
      case DW_CFA_GNU_args_size:
        cursor_.number();
        return;
      default:
        return;  // those without operands
    }
  }

  void based_on(std::uint64_t number) {
    frame_.moves = true;
    frame_.kept = frame_.kept || (machine_.is_base && number == machine_.pointer);
  }
  void saved(std::uint64_t number) {
    frame_.kept = frame_.kept || (!machine_.is_base && number == machine_.pointer);
  }

  Cursor cursor_;
  const Machine& machine_;
  Frame frame_;
};

// Returns: how many bytes an address has in that encoding.
[[nodiscard]] std::uint64_t address_bytes(std::uint8_t encoding) {
  switch (encoding & 0x07) {
    case DW_EH_PE_udata2:
      return 2;
    case DW_EH_PE_udata4:
      return 4;
    default:
      return 8;
  }
}

// How the entries of functions begin, as the common part says it to which they refer.
struct Common {
  bool sized = false;         // there is a length, and then as many bytes to skip
  std::uint8_t encoding = 0;  // of addresses
};

[[nodiscard]] Common common_of(const Dwarf_CIE& cie) {
  Common common;
  const std::string_view letters = cie.augmentation == nullptr ? "" : cie.augmentation;
  common.sized = letters.starts_with('z');
  const std::uint8_t* data = cie.augmentation_data;
  for (const char letter : letters.substr(common.sized ? 1 : 0)) {
    if (letter == 'R') return common.encoding = *data, common;
    if (letter == 'L') ++data;
    if (letter == 'P') data += 1 + address_bytes(*data);
  }
  return common;
}

class File {
 public:
  explicit File(const std::string& path) : number_{::open(path.c_str(), O_RDONLY | O_CLOEXEC)} {
    elf_version(EV_CURRENT);
    if (number_ >= 0) elf_ = elf_begin(number_, ELF_C_READ_MMAP, nullptr);
  }
  ~File() {
    elf_end(elf_);
    if (number_ >= 0) ::close(number_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  [[nodiscard]] std::optional<FramePointers> count() const {
    GElf_Ehdr head;
    Elf_Data* const table = frames();
    if (table == nullptr || gelf_getehdr(elf_, &head) == nullptr) return std::nullopt;
    for (const Machine& machine : machines) {
      if (machine.number == head.e_machine) return count(head.e_ident, *table, machine);
    }
    return std::nullopt;
  }

 private:
  [[nodiscard]] Elf_Data* frames() const {
    std::size_t names = 0;
    if (elf_ == nullptr || elf_getshdrstrndx(elf_, &names) != 0) return nullptr;
    for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf_, section)) != nullptr;) {
      GElf_Shdr head;
      if (gelf_getshdr(section, &head) == nullptr || head.sh_type == SHT_NOBITS) continue;
      const char* const name = elf_strptr(elf_, names, head.sh_name);
      if (name != nullptr && std::strcmp(name, ".eh_frame") == 0) return elf_rawdata(section, nullptr);
    }
    return nullptr;
  }

  [[nodiscard]] static FramePointers count(const unsigned char* ident, Elf_Data& table,
                                           const Machine& machine) {
    FramePointers found;
    Dwarf_Off next = 0, ignored = 0;
    Dwarf_CFI_Entry entry, shared;
    for (Dwarf_Off at = 0; dwarf_next_cfi(ident, &table, true, at, &next, &entry) == 0; at = next) {
      if (dwarf_cfi_cie_p(&entry) ||
          dwarf_next_cfi(ident, &table, true, entry.fde.CIE_pointer, &ignored, &shared) != 0 ||
          !dwarf_cfi_cie_p(&shared))
        continue;
      const Common common = common_of(shared.cie);
      Cursor cursor{entry.fde.start, entry.fde.end};
      cursor.skip(2 * address_bytes(common.encoding));
      if (common.sized) cursor.skip(cursor.number());
      const Frame frame = Instructions{cursor, machine}.read();
      if (!frame.moves || frame.is_odd) continue;
      ++found.functions;
      found.kept += frame.kept ? 1 : 0;
    }
    return found;
  }

  int number_;
  Elf* elf_ = nullptr;
};

}  // namespace

std::optional<FramePointers> frame_pointers_of(const std::string& path) { return File{path}.count(); }

}  // namespace basalt::symbols
