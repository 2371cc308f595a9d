// What a trace says of a program, with names.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "analysis/analysis.hpp"
#include "symbols/symbols.hpp"
#include "trace/reader.hpp"

namespace basalt::tool {

// The sites that one line of the program is to blame for.
struct NamedSite {
  std::string name;
  analysis::Site site;
  std::uint32_t stack = 0;  // the one of its stacks that allocated most
  std::uint64_t stack_bytes = 0;
};

struct Report {
  std::string path;
  std::vector<std::string> command;
  bool has_stacks = false, has_times = false;
  std::string moment;  // the chosen one, in words
  analysis::Findings findings;
  std::vector<NamedSite> sites;
  std::uint64_t lone_calls = 0;  // blocks of whose stacks only the innermost call is known
};

// Something that would save memory or time, and why one may think so.
struct Advice {
  std::string what;
  std::string evidence;
  double weight = 0;  // of all allocations or bytes, which share it is about
};

[[nodiscard]] std::vector<NamedSite> named_sites(const analysis::Findings& findings,
                                                 symbols::Symbolizer& names);

// Returns: what to do about stacks, if most of them are too short to tell who is to blame; else nothing.
[[nodiscard]] std::string word_on_stacks(const Report& report);

// Returns: the weightiest first.
[[nodiscard]] std::vector<Advice> advice_for(const Report& report);

// The parts of a report in words. `rows` is how many lines a table may have, `names` for the stacks behind them.
void print_summary(const Report& report);
void print_top(const Report& report, std::size_t rows, symbols::Symbolizer* names);
void print_leaks(const Report& report, std::size_t rows, symbols::Symbolizer* names);
void print_temporary(const Report& report, std::size_t rows, symbols::Symbolizer* names);
void print_sizes(const Report& report);
void print_lifetimes(const Report& report);
void print_threads(const Report& report, std::size_t rows);
void print_fragmentation(const Report& report, std::size_t rows);
void print_advice(const Report& report);

[[nodiscard]] nlohmann::json as_json(const Report& report, symbols::Symbolizer& names);
// One page that needs nothing else.
[[nodiscard]] std::string as_html(const Report& report, const trace::Tables& tables,
                                  symbols::Symbolizer& names);

}  // namespace basalt::tool
