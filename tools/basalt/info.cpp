#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "console.hpp"
#include "open_trace.hpp"

namespace basalt::tool {

namespace {

using nlohmann::json;

struct Wishes {
  std::string path;
  bool as_json = false;
};

[[nodiscard]] std::vector<std::string> names_of(trace::Columns columns) {
  std::vector<std::string> names{"operations", "sizes", "ages", "threads"};
  if (columns.stacks) names.emplace_back("stacks");
  if (columns.pointers) names.emplace_back("pointers");
  if (columns.times) names.emplace_back("times");
  return names;
}

[[nodiscard]] std::uint64_t nanoseconds_of(const trace::Reader& reader) {
  return reader.blocks() == 0 ? 0 : reader.summary(reader.blocks() - 1).last_time;
}

[[nodiscard]] json as_json(const trace::Reader& reader, const std::string& path) {
  const trace::Totals& totals = reader.totals();
  return {{"file", path},
          {"bytes", reader.bytes()},
          {"command", reader.header().command},
          {"pid", reader.header().pid},
          {"writer", reader.header().writer},
          {"columns", names_of(reader.header().columns)},
          {"events", totals.events},
          {"blocks_begun", totals.blocks_begun},
          {"peak_bytes", totals.peak_bytes},
          {"unknown_frees", totals.unknown_frees},
          {"duration_ns", nanoseconds_of(reader)},
          {"calls", reader.tables().calls.size() - 1},
          {"modules", reader.tables().modules.size()},
          {"ending", text_of(totals.ending)},
          {"damage", reader.damage()}};
}

void print(const trace::Reader& reader, const std::string& path) {
  const trace::Totals& totals = reader.totals();
  const std::string per_event =
      totals.events == 0 ? ""
                         : fmt::format(", {:.2f} bytes each", static_cast<double>(reader.bytes()) /
                                                                  static_cast<double>(totals.events));
  fmt::print("{}\n", styled(Style::strong, shell_text(reader.header().command)));
  fmt::print("  events     {} in {}{}\n", count_text(totals.events), bytes_text(reader.bytes()), per_event);
  fmt::print("  blocks     {} were allocated; at most {} were live at once\n",
             count_text(totals.blocks_begun), bytes_text(totals.peak_bytes));
  if (totals.unknown_frees != 0)
    fmt::print("  unknown    {} frees of pointers whose allocation was not seen\n",
               count_text(totals.unknown_frees));
  fmt::print("  columns    {}\n", fmt::join(names_of(reader.header().columns), ", "));
  if (reader.header().columns.times)
    fmt::print("  duration   {}\n", time_text(static_cast<double>(nanoseconds_of(reader))));
  if (reader.header().columns.stacks)
    fmt::print("  stacks     {} different calls in {} pieces of code\n",
               count_text(reader.tables().calls.size() - 1), reader.tables().modules.size());
  fmt::print("  written    by {}, process {}\n", reader.header().writer, reader.header().pid);
  fmt::print("  the trace is {}\n", reader.damage().empty() ? text_of(totals.ending) : "damaged");
  if (totals.blocks_begun != 0)
    suggest(fmt::format("basalt report {0} · basalt replay {0}", shell_text({path})));
}

}  // namespace

Action describe_info(Options page) {
  const auto wishes = std::make_shared<Wishes>();
  page.add_option("FILE", wishes->path, "a trace").required();
  page.add_flag("--json", wishes->as_json, "as one JSON object");
  return [wishes] {
    trace::Reader reader = open_trace(wishes->path);
    const bool sound = reader.check();
    if (wishes->as_json) {
      fmt::print("{}\n", as_json(reader, wishes->path).dump(2, ' ', false, json::error_handler_t::replace));
    } else {
      print(reader, wishes->path);
    }
    mention_damage(reader, wishes->path);
    return sound ? success : found_wanting;
  };
}

}  // namespace basalt::tool
