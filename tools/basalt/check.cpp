#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "analysis/analysis.hpp"
#include "commands.hpp"
#include "console.hpp"
#include "open_trace.hpp"
#include "recording_run.hpp"
#include "report.hpp"
#include "temporary_file.hpp"

namespace basalt::tool {

namespace {

using nlohmann::json;

struct Wishes {
  std::vector<std::string> command;
  std::string most_peak, most_bytes, most_allocations;
  bool no_leaks = false, as_json = false;
  std::vector<std::string> suppressed;
};

// What was found, in bytes or a number of blocks.
struct Budget {
  std::string name;
  const char* unit;
  std::uint64_t found = 0, allowed = 0;
  std::string found_text, allowed_text;

  [[nodiscard]] bool kept() const { return found <= allowed; }
};

// What the C and C++ libraries and the dynamic linker keep for themselves to the end. What they allocate for the program, by
// functions that say so, is the program's.
[[nodiscard]] bool is_of_the_runtime(std::uint32_t stack, const trace::Tables& tables,
                                     symbols::Symbolizer& names) {
  constexpr std::array for_the_program{"strdup",    "strndup",       "getline", "getdelim", "asprintf",
                                       "vasprintf", "realpath",      "getcwd",  "wcsdup",   "scandir",
                                       "glob",      "opendir",       "fopen",   "fdopen",   "operator",
                                       "fmemopen",  "open_memstream"};
  const std::vector<std::uint64_t> calls = tables.addresses(stack);
  const trace::Module* const module = calls.empty() ? nullptr : tables.module_of(calls.front());
  if (module == nullptr) return false;
  const std::string file = module->path.substr(module->path.rfind('/') + 1);
  if (!file.starts_with("libc.so") && !file.starts_with("ld-linux") && !file.starts_with("libstdc++.so"))
    return false;
  const std::string function = names.frames(calls.front()).front().function;
  return std::none_of(for_the_program.begin(), for_the_program.end(),
                      [&](const char* name) { return function.find(name) != std::string::npos; });
}

[[nodiscard]] std::vector<NamedSite> leaks(trace::Reader& reader, const analysis::Findings& found,
                                           const Wishes& wishes) {
  symbols::Symbolizer names{reader.tables()};
  analysis::Findings own = found;
  for (std::uint32_t stack = 0; stack != own.sites.size(); ++stack) {
    if (is_of_the_runtime(stack, reader.tables(), names)) own.sites[stack].left = {};
  }
  std::vector<NamedSite> all = named_sites(own, names);
  std::erase_if(all, [&](const NamedSite& named) {
    return named.site.left.count == 0 ||
           std::any_of(wishes.suppressed.begin(), wishes.suppressed.end(),
                       [&](const std::string& name) { return named.name.find(name) != std::string::npos; });
  });
  std::sort(all.begin(), all.end(),
            [](const NamedSite& a, const NamedSite& b) { return a.site.left.bytes > b.site.left.bytes; });
  return all;
}

[[nodiscard]] std::vector<Budget> judged(const Wishes& wishes, const trace::Reader& reader,
                                         const analysis::Findings& found,
                                         const std::vector<NamedSite>& left) {
  std::vector<Budget> all;
  const auto judge_bytes = [&](const char* name, const std::string& wish, std::uint64_t value) {
    if (!wish.empty())
      all.push_back(
          {name, "bytes", value, parse_bytes(wish), bytes_text(value), bytes_text(parse_bytes(wish))});
  };
  judge_bytes("peak of live bytes", wishes.most_peak, reader.totals().peak_bytes);
  judge_bytes("bytes allocated", wishes.most_bytes, found.allocated.bytes);
  if (!wishes.most_allocations.empty()) {
    const std::uint64_t most = parse_count(wishes.most_allocations);
    all.push_back({"allocations", "blocks", found.allocated.count, most,
                   std::to_string(found.allocated.count), std::to_string(most)});
  }
  if (!wishes.no_leaks) return all;
  analysis::Amount sum;
  for (const NamedSite& named : left) sum += named.site.left;
  all.push_back({"blocks that are not freed", "blocks", sum.count, 0,
                 fmt::format("{} ({})", sum.count, bytes_text(sum.bytes)), "0"});
  return all;
}

void print_json(const Wishes& wishes, const Recorded& recorded, const std::vector<Budget>& budgets,
                const std::vector<NamedSite>& left) {
  json rows = json::array(), sites = json::array();
  for (const Budget& budget : budgets)
    rows.push_back({{"name", budget.name},
                    {std::string{"found_"} + budget.unit, budget.found},
                    {std::string{"allowed_"} + budget.unit, budget.allowed},
                    {"kept", budget.kept()}});
  for (const NamedSite& named : left)
    sites.push_back(
        {{"name", named.name}, {"blocks", named.site.left.count}, {"bytes", named.site.left.bytes}});
  const json all{{"kind", "basalt check"},
                 {"command", wishes.command},
                 {"status", recorded.status},
                 {"ended", recorded.ending},
                 {"budgets", rows},
                 {"leaks", sites},
                 {"children_not_counted", recorded.had_children}};
  fmt::print("{}\n", all.dump(2, ' ', false, json::error_handler_t::replace));
}

void print(const Wishes& wishes, const Recorded& recorded, const std::vector<Budget>& budgets,
           const std::vector<NamedSite>& left) {
  if (recorded.status != success) fmt::print(stderr, "basalt: {}: {}\n", wishes.command[0], recorded.ending);
  for (const Budget& budget : budgets)
    fmt::print(stderr, "basalt: {:<9} {}: {}, allowed {}\n", budget.kept() ? "kept" : "EXCEEDED", budget.name,
               budget.found_text, budget.allowed_text);
  for (std::size_t i = 0; i != std::min<std::size_t>(left.size(), 10); ++i)
    fmt::print(stderr, "  {:>10} in {} blocks  {}\n", bytes_text(left[i].site.left.bytes),
               left[i].site.left.count, left[i].name);
  if (recorded.had_children)
    complain(wishes.command[0] + " started other processes, and what these needed is not counted",
             "name the program itself behind --; basalt record --children has a trace of each");
  const std::string trace = std::filesystem::path{wishes.command[0]}.filename().string() + ".trace";
  suggest(fmt::format("basalt record -- {}; basalt report {}{}", shell_text(wishes.command),
                      left.empty() ? "" : "--leaks ", shell_text({trace})));
}

int check_program(const Wishes& wishes) {
  if (wishes.most_peak.empty() && wishes.most_bytes.empty() && wishes.most_allocations.empty() &&
      !wishes.no_leaks)
    throw UserError("there is nothing to check",
                    "say --max-peak 64M, --max-bytes 1G, --max-allocs 10000 or --no-leaks");
  for (const std::string& size : {wishes.most_peak, wishes.most_bytes}) {
    if (!size.empty()) (void)parse_bytes(size);
  }
  if (!wishes.most_allocations.empty()) (void)parse_count(wishes.most_allocations);
  const TemporaryFile trace{"trace"};
  RecordingWishes recording;
  recording.command = wishes.command;
  recording.path = trace.path();
  recording.columns.stacks = wishes.no_leaks;
  const Recorded recorded = record_run(recording);
  if (recorded.collectors.empty())
    throw UserError(recorded.refusal + ", so nothing is known of it",
                    "basalt doctor -- " + shell_text(wishes.command) + " says why");
  if (recorded.collectors.front()->ending() != trace::Ending::complete)
    throw UserError("the recording is not whole, so nothing is sure",
                    "set TMPDIR to a folder with more room, and try again");
  trace::Reader reader = open_trace(trace.path());
  const analysis::Findings found = [&reader] {
    Progress progress{"reading what was recorded", reader.totals().events};
    return analysis::analyse(reader, analysis::peak_event(reader),
                             [&](std::uint64_t done) { progress.at(done); });
  }();
  const std::vector<NamedSite> left =
      wishes.no_leaks ? leaks(reader, found, wishes) : std::vector<NamedSite>{};
  const std::vector<Budget> budgets = judged(wishes, reader, found, left);
  if (wishes.as_json) {
    print_json(wishes, recorded, budgets, left);
  } else {
    print(wishes, recorded, budgets, left);
  }
  if (recorded.status != success) return recorded.status;
  return std::all_of(budgets.begin(), budgets.end(), [](const Budget& budget) { return budget.kept(); })
             ? success
             : found_wanting;
}

}  // namespace

Action describe_check(Options page) {
  const auto wishes = std::make_shared<Wishes>();
  page.add_option("--max-peak", wishes->most_peak, "how many bytes may be live at once, as in 64M")
      .takes("SIZE");
  page.add_option("--max-bytes", wishes->most_bytes, "how many may be allocated in all").takes("SIZE");
  page.add_option("--max-allocs", wishes->most_allocations,
                  "how many blocks may be allocated, as in 5K for 5000")
      .takes("COUNT");
  page.add_flag("--no-leaks", wishes->no_leaks,
                "every block is to be freed, but for what the C and C++ libraries keep for themselves");
  page.add_option("--suppress", wishes->suppressed,
                  "leaks in places whose names contain this are none; may be repeated")
      .takes("WORD")
      .repeats();
  page.add_flag("--json", wishes->as_json,
                "as one JSON object on stdout, behind what the program writes there");
  page.add_option("PROGRAM", wishes->command, "behind --, with its arguments").required();
  return [wishes] { return check_program(*wishes); };
}

}  // namespace basalt::tool
