// Traces as commands want them.
#pragma once

#include <string>

#include "console.hpp"
#include "symbols/symbols.hpp"
#include "trace/reader.hpp"

namespace basalt::tool {

// Throws: UserError, if nothing of it can be read. What else is wrong with it is said on stderr, by `mention_damage`.
[[nodiscard]] trace::Reader open_trace(const std::string& path);

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
