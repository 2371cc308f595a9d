#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "console.hpp"
#include "open_trace.hpp"
#include "play.hpp"
#include "replay/figures.hpp"
#include "replay_result.hpp"
#include "temporary_file.hpp"

namespace basalt::tool {

namespace {

using nlohmann::json;

struct Wishes {
  std::string path;
  std::vector<std::string> allocators;
  std::size_t rounds = 5;
  std::string touch = "first";
  std::string threads = "keep";
  std::string html;
  bool as_json = false;
};

[[nodiscard]] std::vector<Allocator> chosen(const Wishes& wishes) {
  if (wishes.allocators.empty()) return usual_allocators();
  std::vector<Allocator> all;
  for (const std::string& name : wishes.allocators) {
    if (name == "all") return all_allocators();
    all.push_back(allocator_named(name));
  }
  for (auto one = all.begin(); one != all.end(); ++one) {
    if (std::any_of(all.begin(), one, [&](const Allocator& other) { return other.name == one->name; }))
      throw UserError(one->name + " is named twice",
                      "name each allocator once, and libraries by different file names");
  }
  return all;
}

[[nodiscard]] replay::Touch touch_named(const std::string& name) {
  return name == "none" ? replay::Touch::none : name == "all" ? replay::Touch::all : replay::Touch::first;
}

[[nodiscard]] ReplayResult replayed(const Wishes& wishes) {
  trace::Reader reader = open_trace(wishes.path);
  const std::vector<Allocator> allocators = chosen(wishes);
  const TemporaryFile file{"script"};
  ReplayResult result;
  result.trace = wishes.path;
  result.command = reader.header().command;
  result.of_a_process = reader.header().pid != 0;
  {
    Progress progress{"reading " + wishes.path, 2 * reader.totals().events};
    result.script = replay::compile(reader, file.path(),
                                    wishes.threads == "keep" ? replay::Threads::keep : replay::Threads::one,
                                    [&](std::uint64_t done) { progress.at(done); });
  }
  mention_damage(reader, wishes.path);
  if (result.script.operations == 0)
    throw UserError(wishes.path + " holds no allocation", "record a program that allocates");
  result.played = play({file.path(), wishes.rounds, touch_named(wishes.touch)}, allocators);
  return result;
}

[[nodiscard]] std::string next_after(const ReplayResult& result) {
  const std::string trace = shell_text({result.trace});
  if (!times_are_known(result) && result.script.threads != 1) return "basalt replay --threads 1 " + trace;
  if (!result.of_a_process) return "basalt report " + trace;
  const Allocator& winner = fastest(result).allocator;
  return fmt::format("basalt run -a {} -- {}",
                     shell_text({winner.name.starts_with("lib") ? winner.library : winner.name}),
                     shell_text(result.command));
}

int replay_trace(const Wishes& wishes) {
  const ReplayResult result = replayed(wishes);
  if (wishes.as_json) {
    fmt::print("{}\n", as_json(result).dump(2, ' ', false, json::error_handler_t::replace));
  } else {
    print(result);
  }
  if (!wishes.html.empty()) {
    std::ofstream page{wishes.html};
    page << as_html(result);
    if (!page.flush()) throw UserError(wishes.html + " cannot be written", "name another file");
    fmt::print(stderr, "basalt: the curves are in {}\n", wishes.html);
  }
  suggest(next_after(result));
  return success;
}

}  // namespace

Action describe_replay(Options page) {
  const auto wishes = std::make_shared<Wishes>();
  page.add_option("FILE", wishes->path, "a trace").required();
  page.add_option("-a,--allocators", wishes->allocators,
                  "which, separated by commas: basalt, hardened, small, glibc, jemalloc, mimalloc, tcmalloc, "
                  "a path, ...; all: those that are here; "
                  "by default the best known of them")
      .takes("NAME,...")
      .separated_by(',');
  page.add_option("-r,--rounds", wishes->rounds, "how often each plays for time")
      .between(1, 1000)
      .shows_default();
  page.add_option("--touch", wishes->touch,
                  "what is written to: the first byte of each page of a block (first), all, or none")
      .takes("WORD")
      .one_of({"first", "all", "none"})
      .shows_default();
  page.add_option("--threads", wishes->threads, "as many as the program had (keep), or 1")
      .takes("WORD")
      .one_of({"keep", "1"})
      .shows_default();
  page.add_option("--html", wishes->html, "a page with the curves, into this file").takes("FILE");
  page.add_flag("--json", wishes->as_json, "as one JSON object, which basalt compare reads");
  return [wishes] { return replay_trace(*wishes); };
}

}  // namespace basalt::tool
