#include "report.hpp"

#include <fmt/format.h>

#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "console.hpp"
#include "open_trace.hpp"

namespace basalt::tool {

namespace {

using nlohmann::json;

struct Wishes {
  std::string path, at = "peak", html;
  std::size_t rows = 10;
  bool top = false, leaks = false, sizes = false, lifetimes = false, temporary = false, fragmentation = false,
       threads = false, advice = false;
  bool all = false, stacks = false, as_json = false;

  [[nodiscard]] bool any() const {
    return top || leaks || sizes || lifetimes || temporary || fragmentation || threads || advice;
  }
};

// `peak`, `end`, or a time such as 1.5s, 200ms.
[[nodiscard]] std::uint64_t chosen_event(const Wishes& wishes, trace::Reader& reader) {
  const std::uint64_t last = reader.totals().events == 0 ? 0 : reader.totals().events - 1;
  if (wishes.at == "peak") return analysis::peak_event(reader);
  if (wishes.at == "end") return last;
  const std::uint64_t moment = parse_nanoseconds(wishes.at);
  if (!reader.header().columns.times)
    throw UserError(wishes.path + " has no times", "record it with --time, or say --at peak or --at end");
  return analysis::event_at(reader, moment);
}

[[nodiscard]] Report made(const Wishes& wishes, trace::Reader& reader, symbols::Symbolizer& names) {
  Report report;
  report.path = wishes.path;
  report.command = reader.header().command;
  report.has_stacks = reader.header().columns.stacks;
  report.has_times = reader.header().columns.times;
  report.moment = wishes.at == "peak" ? "at the peak" : wishes.at == "end" ? "at the end" : "at " + wishes.at;
  const std::uint64_t event = chosen_event(wishes, reader);
  Progress progress{"reading " + wishes.path, reader.totals().events};
  report.findings = analysis::analyse(reader, event, [&](std::uint64_t done) { progress.at(done); });
  if (report.has_stacks) report.sites = named_sites(report.findings, names);
  for (std::uint32_t stack = 1; stack < report.findings.sites.size(); ++stack) {
    if (reader.tables().calls[stack].parent == 0)
      report.lone_calls += report.findings.sites[stack].allocated.count;
  }
  return report;
}

void print(const Wishes& wishes, const Report& report, symbols::Symbolizer& names) {
  symbols::Symbolizer* const stacks = wishes.stacks ? &names : nullptr;
  const bool usual = !wishes.any() && !wishes.all;
  const auto wanted = [&](bool wish) { return wish || wishes.all; };
  print_summary(report);
  if (report.findings.allocated.count == 0) return;
  if (usual || wanted(wishes.top)) print_top(report, wishes.rows, stacks);
  if (wanted(wishes.leaks)) print_leaks(report, wishes.rows, stacks);
  if (usual || wanted(wishes.temporary)) print_temporary(report, usual ? 3 : wishes.rows, stacks);
  if (wanted(wishes.sizes)) print_sizes(report);
  if (wanted(wishes.lifetimes)) print_lifetimes(report);
  if (wanted(wishes.threads)) print_threads(report, wishes.rows);
  if (wanted(wishes.fragmentation)) print_fragmentation(report, wishes.rows);
  if (usual || wanted(wishes.advice)) print_advice(report);
}

int report_trace(const Wishes& wishes) {
  trace::Reader reader = open_trace(wishes.path);
  symbols::Symbolizer names{reader.tables()};
  const Report report = made(wishes, reader, names);
  mention_damage(reader, wishes.path);
  if (wishes.as_json) {
    fmt::print("{}\n", as_json(report, names).dump(2, ' ', false, json::error_handler_t::replace));
  } else {
    print(wishes, report, names);
  }
  mention_changes(names);
  if (!wishes.html.empty()) {
    std::ofstream page{wishes.html};
    page << as_html(report, reader.tables(), names);
    if (!page.flush()) throw UserError(wishes.html + " cannot be written", "name another file");
    fmt::print(stderr, "basalt: the pictures are in {}\n", wishes.html);
  }
  if (report.findings.allocated.count == 0) return success;
  const std::string file = shell_text({wishes.path});
  suggest((wishes.all ? "" : "basalt report --all " + file + " · ") + "basalt replay " + file);
  return success;
}

}  // namespace

Action describe_report(Options page) {
  const auto wishes = std::make_shared<Wishes>();
  page.add_option("FILE", wishes->path, "a trace").required();
  page.add_flag("--top", wishes->top, "who holds memory");
  page.add_flag("--leaks", wishes->leaks, "what is not freed at the end");
  page.add_flag("--sizes", wishes->sizes, "how large blocks are");
  page.add_flag("--lifetimes", wishes->lifetimes, "how long they live");
  page.add_flag("--temporary", wishes->temporary, "who allocates for a moment");
  page.add_flag("--fragmentation", wishes->fragmentation, "which pages are almost empty, and who pins them");
  page.add_flag("--threads", wishes->threads, "which thread frees what which one allocated");
  page.add_flag("--advice", wishes->advice, "what could be done");
  page.add_flag("--all", wishes->all,
                "all of these; without any: who holds memory, who allocates for a moment, advice");
  page.add_option("--at", wishes->at, "the moment: peak, end, or a time since the beginning, as in 1.5s")
      .takes("MOMENT")
      .shows_default();
  page.add_option("--rows", wishes->rows, "how long tables may be").shows_default();
  page.add_flag("--stacks", wishes->stacks, "with the calls behind each place");
  page.add_option("--html", wishes->html, "a page with pictures, into this file").takes("FILE");
  page.add_flag("--json", wishes->as_json, "as one JSON object");
  return [wishes] { return report_trace(*wishes); };
}

}  // namespace basalt::tool
