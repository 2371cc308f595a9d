#include "open_trace.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "console.hpp"

namespace basalt::tool {

trace::Reader open_trace(const std::string& path) {
  errno = 0;
  auto file = trace::open_file(path);
  if (file == nullptr)
    throw UserError(fmt::format("{} cannot be opened: {}", path, std::strerror(errno)),
                    "make a trace first: basalt record -o FILE -- PROGRAM");
  trace::Reader reader{std::move(file)};
  if (!reader.readable())
    throw UserError(fmt::format("{}: {}", path, reader.damage()),
                    "make a new one: basalt record -o FILE -- PROGRAM");
  return reader;
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
