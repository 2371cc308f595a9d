#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "console.hpp"
#include "open_trace.hpp"
#include "recording_run.hpp"

namespace basalt::tool {

namespace {

using nlohmann::json;

struct Wishes {
  RecordingWishes recording;
  std::string unwind = "fp";
  std::string most = "16G";
  std::string last;
  bool quiet = false, as_json = false;
};

// Returns: as far as it fits into a line.
[[nodiscard]] std::string beginning_of(const std::vector<std::string>& command) {
  constexpr std::size_t most = 60;
  std::string text = shell_text(command);
  for (char& letter : text) letter = letter == '\n' ? ' ' : letter;
  if (text.size() <= most) return text;
  std::size_t end = most;
  while ((static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;  // not within a letter
  return text.substr(0, end) + "…";
}

// Returns: the trace with the most events: of a shell and what it starts, that is seldom the shell's.
[[nodiscard]] const record::Collector& largest(const Recorded& recorded) {
  return **std::max_element(
      recorded.collectors.begin(), recorded.collectors.end(),
      [](const auto& a, const auto& b) { return a->writer().totals().events < b->writer().totals().events; });
}

void sum_up(const Recorded& recorded) {
  const bool several = recorded.collectors.size() > 1;
  for (const auto& collector : recorded.collectors) {
    const trace::Writer& writer = collector->writer();
    const trace::Totals& totals = writer.totals();
    const std::string per_event =
        totals.events == 0 ? ""
                           : fmt::format(" ({:.2f} bytes each)", static_cast<double>(writer.bytes()) /
                                                                     static_cast<double>(totals.events));
    fmt::print(stderr, "basalt: {} events of process {}{} in {}, {}{}, in {}\n", count_text(totals.events),
               collector->pid(), several ? ", " + beginning_of(collector->command()) + "," : "",
               collector->path(), bytes_text(writer.bytes()), per_event,
               time_text(static_cast<double>(recorded.passed.count())));
    if (collector->ending() == trace::Ending::kept_up_not)
      fmt::print(stderr,
                 "basalt: the trace is cut: it could not be written as fast as the program went on\n");
    if (collector->ending() == trace::Ending::size_limit)
      fmt::print(stderr, "basalt: the trace is cut at its limit; --max-size sets another\n");
    if (!writer.error().empty())
      fmt::print(stderr, "basalt: {} is not whole: {}\n", collector->path(), writer.error());
  }
  const record::Collector& most = largest(recorded);
  if (most.writer().totals().blocks_begun != 0)
    suggest(fmt::format("basalt report {0} · basalt replay {0}", shell_text({most.path()})));
}

[[nodiscard]] json as_json(const Wishes& wishes, const Recorded& recorded) {
  json traces = json::array();
  for (const auto& collector : recorded.collectors)
    traces.push_back({{"file", collector->path()},
                      {"process", collector->pid()},
                      {"command", collector->command()},
                      {"events", collector->writer().totals().events},
                      {"bytes", collector->writer().bytes()},
                      {"ending", text_of(collector->ending())},
                      {"error", collector->writer().error()}});
  return {{"kind", "basalt record"},
          {"command", wishes.recording.command},
          {"status", recorded.status},
          {"wall_ns", recorded.passed.count()},
          {"traces", traces}};
}

int record_program(Wishes& wishes) {
  wishes.recording.columns.stacks = wishes.unwind != "none";
  wishes.recording.unwinder = wishes.unwind == "libunwind";
  wishes.recording.most_bytes = parse_bytes(wishes.most);
  if (!wishes.last.empty()) wishes.recording.last_ns = parse_nanoseconds(wishes.last);
  if (wishes.recording.path.empty())
    wishes.recording.path = std::filesystem::path{wishes.recording.command[0]}.filename().string() + ".trace";
  const Recorded recorded = record_run(wishes.recording);
  if (recorded.collectors.empty()) {
    complain("nothing was recorded: " + recorded.refusal,
             "basalt doctor -- " + shell_text(wishes.recording.command) + " says why");
    return recorded.status == success ? found_wanting : recorded.status;
  }
  if (wishes.as_json) {
    fmt::print(stderr, "{}\n", as_json(wishes, recorded).dump(2, ' ', false, json::error_handler_t::replace));
  } else if (!wishes.quiet) {
    sum_up(recorded);
  }
  return recorded.status;
}

}  // namespace

Action describe_record(Options page) {
  const auto wishes = std::make_shared<Wishes>();
  RecordingWishes& recording = wishes->recording;
  page.add_option("-o,--output", recording.path, "the trace; by default PROGRAM.trace here").takes("FILE");
  page.add_option(
          "--unwind", wishes->unwind,
          "who called: by frame pointers (fp), by debug information (libunwind, slow), or nobody (none)")
      .takes("WORD")
      .one_of({"fp", "libunwind", "none"})
      .shows_default();
  page.add_flag("--time", recording.columns.times, "with the time of every event");
  page.add_flag("--pointers", recording.columns.pointers, "with the address of every block");
  page.add_flag("--children", recording.children,
                "the processes that it starts as well, each in a file of its own");
  page.add_option("--max-size", wishes->most, "how long a trace may become, as in 500M")
      .takes("SIZE")
      .shows_default();
  page.add_option("--last", wishes->last, "only the end, so much of it or up to twice that, as in 60s")
      .takes("TIME");
  page.add_flag("--json", wishes->as_json, "the summary as one JSON object, on stderr as well");
  page.add_flag("-q,--quiet", wishes->quiet, "without a summary at the end");
  page.add_option("PROGRAM", recording.command, "behind --, with its arguments").required();
  return [wishes] { return record_program(*wishes); };
}

}  // namespace basalt::tool
