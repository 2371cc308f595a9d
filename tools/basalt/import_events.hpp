// The events of a trace as `basalt export` writes them, an event a line.
#pragma once

#include <istream>
#include <string>

#include "console.hpp"
#include "trace/writer.hpp"

namespace basalt::tool {

enum class EventText : std::uint8_t { none, csv, json };

// Returns: which of these the text is, by its first line.
[[nodiscard]] EventText event_text(const std::string& text);

// Returns: what the events of the text have columns for: stacks are not among them, since the text has no names for them.
[[nodiscard]] trace::Columns event_columns(const std::string& text, EventText kind);

// Effects: writes the events. Lines may have been taken out: blocks and threads are numbered anew, and what ends without having begun is a free of
// a block that was not seen.
// Throws: UserError for a line that is no event; `path` is named.
void import_events(std::istream& lines, EventText kind, const std::string& path, trace::Writer& to,
                   Progress& progress);

}  // namespace basalt::tool
