// Traces as commands want them.
#pragma once

#include <string>

#include "console.hpp"
#include "symbols/symbols.hpp"
#include "trace/reader.hpp"

namespace basalt::tool {

// Throws: UserError, if there is no such file, or it cannot be read, or is a folder.
void require_file(const std::string& path,
                  const char* next = "make a trace first: basalt record -o FILE -- PROGRAM");

// Throws: UserError, if nothing of it can be read. What else is wrong with it is said on stderr, by `mention_damage`.
[[nodiscard]] trace::Reader open_trace(const std::string& path);

// Returns: why what was read so far is not all that the program did; empty: it is.
[[nodiscard]] std::string what_is_missing(const trace::Reader& reader);

// Effects: one sentence on stderr if something was found wrong so far.
void mention_damage(const trace::Reader& reader, const std::string& path);

// Effects: a sentence on stderr for each file of which there are no names, since it has changed.
void mention_changes(const symbols::Symbolizer& names);

// Returns: why the trace ends where it does, in words.
[[nodiscard]] const char* text_of(trace::Ending ending);

// Effects: `use` gets every event up to the first damage, with its number.
template <class Use>
void for_each_event(trace::Reader& reader, Progress& progress, Use use) {
  std::vector<trace::Event> events;
  for (std::size_t block = 0; block != reader.blocks() && reader.read(block, events); ++block) {
    std::uint64_t number = reader.summary(block).first_event;
    progress.at(number);
    for (const trace::Event& event : events) use(number++, event);
  }
}

}  // namespace basalt::tool
