#include "open_trace.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "console.hpp"

namespace basalt::tool {

void require_file(const std::string& path, const char* next) {
  std::error_code none;
  if (std::filesystem::is_directory(path, none)) throw UserError(path + " is a folder", "name a file in it");
  if (::access(path.c_str(), R_OK) == 0) return;
  throw UserError(fmt::format("{} cannot be opened: {}", path, std::strerror(errno)), next);
}

trace::Reader open_trace(const std::string& path) {
  require_file(path);
  trace::Reader reader{trace::open_file(path)};
  if (!reader.readable())
    throw UserError(fmt::format("{}: {}", path, reader.damage()),
                    "make a new one: basalt record -o FILE -- PROGRAM");
  return reader;
}

std::string what_is_missing(const trace::Reader& reader) {
  if (!reader.damage().empty()) return reader.damage();
  const trace::Ending ending = reader.totals().ending;
  return ending == trace::Ending::complete ? "" : text_of(ending);
}

void mention_damage(const trace::Reader& reader, const std::string& path) {
  if (!reader.damage().empty()) fmt::print(stderr, "basalt: {}: {}\n", path, reader.damage());
}

void mention_changes(const symbols::Symbolizer& names) {
  for (const std::string& file : names.changed())
    fmt::print(stderr,
               "basalt: {} is another file now than when it was recorded: its functions have no names here\n",
               file);
}

const char* text_of(trace::Ending ending) {
  switch (ending) {
    case trace::Ending::complete:
      return "whole";
    case trace::Ending::kept_up_not:
      return "cut: the recorder could not keep pace";
    case trace::Ending::size_limit:
      return "cut: the file was as long as it was allowed to be";
    case trace::Ending::disk_full:
      return "cut: the file could not be written any more";
    case trace::Ending::interrupted:
      break;
  }
  return "without an end: the recording was interrupted, or the file was cut";
}

}  // namespace basalt::tool
