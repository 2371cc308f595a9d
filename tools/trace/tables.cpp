#include "tables.hpp"

#include <algorithm>
#include <utility>

namespace basalt::trace {

namespace {

void put_text(Bytes& to, const std::string& text) {
  put_varint(to, text.size());
  to.insert(to.end(), text.begin(), text.end());
}

[[nodiscard]] std::string take_text(Cursor& from) {
  const std::span<const std::uint8_t> text = from.take(from.varint());
  return {text.begin(), text.end()};
}

}  // namespace

std::vector<std::uint64_t> Tables::addresses(std::uint32_t stack) const {
  std::vector<std::uint64_t> found;
  for (std::uint32_t call = stack; call != 0 && call < calls.size(); call = calls[call].parent)
    found.push_back(calls[call].address);
  return found;
}

const Module* Tables::module_of(std::uint64_t address) const {
  const auto found = std::find_if(modules.rbegin(), modules.rend(), [address](const Module& module) {
    return module.begin <= address && address < module.end;
  });
  return found == modules.rend() ? nullptr : &*found;
}

Bytes bytes_of(std::span<const Call> calls, std::uint32_t first) {
  Bytes bytes;
  put_varint(bytes, first);
  put_varint(bytes, calls.size());
  std::uint64_t address = 0;
  for (std::uint32_t number = first; const Call& call : calls) {
    put_varint(bytes, number++ - call.parent);
    put_varint(bytes, zigzag(call.address - address));
    address = call.address;
  }
  return bytes;
}

Bytes bytes_of(std::span<const Module> modules) {
  Bytes bytes;
  put_varint(bytes, modules.size());
  for (const Module& module : modules) {
    for (const std::uint64_t figure : {module.begin, module.end, module.file_offset})
      put_varint(bytes, figure);
    put_text(bytes, module.path);
    put_text(bytes, module.build_id);
  }
  return bytes;
}

bool add_calls(std::span<const std::uint8_t> bytes, Tables& tables) {
  Cursor from{bytes};
  const std::uint64_t before = tables.calls.size(), first = from.varint(), count = from.varint();
  if (first != before || count > bytes.size()) return false;
  std::uint64_t address = 0;
  for (std::uint64_t number = first; number != first + count; ++number) {
    const std::uint64_t up = from.varint();
    address += unzigzag(from.varint());
    if (up == 0 || up > number || !from.ok()) {
      tables.calls.resize(static_cast<std::size_t>(before));
      return false;
    }
    tables.calls.push_back({static_cast<std::uint32_t>(number - up), address});
  }
  return true;
}

bool add_modules(std::span<const std::uint8_t> bytes, Tables& tables) {
  Cursor from{bytes};
  const std::uint64_t count = from.varint();
  std::vector<Module> found;
  for (std::uint64_t i = 0; i != count && from.ok(); ++i) {
    Module module;
    for (std::uint64_t* const figure : {&module.begin, &module.end, &module.file_offset})
      *figure = from.varint();
    module.path = take_text(from);
    module.build_id = take_text(from);
    found.push_back(std::move(module));
  }
  if (!from.ok()) return false;
  tables.modules.insert(tables.modules.end(), found.begin(), found.end());
  return true;
}

}  // namespace basalt::trace
