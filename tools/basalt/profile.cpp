#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "agent/agent.hpp"
#include "agent_client.hpp"
#include "commands.hpp"
#include "console.hpp"
#include "heap_profile.hpp"
#include "pprof.hpp"
#include "serve.hpp"
#include "temporary_file.hpp"

namespace basalt::tool {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using Clock = std::chrono::steady_clock;

struct Wishes {
  std::vector<std::string> command;
  std::string path, period = "512K", serve;
  double warm_up = 5, every = 10;  // seconds
  std::size_t rows = 10;
  bool leaks = false, as_json = false, quiet = false;
};

struct Profiled {
  int status = 0;
  std::string before;  // when the program had warmed up; empty: it ended earlier
  std::string now;     // when it ended, or the last one before that
  bool is_of_the_end = false;
};

[[nodiscard]] Clock::duration seconds(double count) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>{count});
}

// A program that is killed leaves nothing: so it is asked now and then, the sooner the shorter it has run.
[[nodiscard]] Profiled run(const Wishes& wishes) {
  const TemporaryFile last{"profile"};
  Started started = with_agent(wishes.command);
  started.environment = {{agent::period_variable, std::to_string(parse_bytes(wishes.period))},
                         {agent::last_variable, last.path()}};
  std::optional<Server> server;
  if (!wishes.serve.empty()) server.emplace(wishes.serve);
  Child child{started};
  if (server) server->begin(child.pid());
  if (server) fmt::print(stderr, "basalt: http://{}/debug/pprof/heap, /metrics, /stats\n", server->address());
  Profiled profiled;
  const auto begun = Clock::now();
  auto next = begun + std::min<Clock::duration>(seconds(wishes.every), 100ms),
       warm = begun + seconds(wishes.warm_up);
  for (; !child.ended(); std::this_thread::sleep_for(10ms)) {
    const auto now = Clock::now();
    if (wishes.leaks && now >= warm) {
      profiled.before = asked(child.pid(), agent::ask_profile);
      warm = profiled.before.empty() ? now + 1s : Clock::time_point::max();
    }
    if (now < next) continue;
    if (std::string profile = asked(child.pid(), agent::ask_profile); !profile.empty())
      profiled.now = std::move(profile);
    next = now + std::min(seconds(wishes.every), now - begun);
  }
  profiled.status = child.wait();
  if (std::string bytes = last.bytes(); !bytes.empty()) {
    profiled.now = std::move(bytes);
    profiled.is_of_the_end = true;
  }
  return profiled;
}

void write(const std::string& path, const std::string& bytes) {
  std::ofstream file{path, std::ios::binary | std::ios::trunc};
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file)
    throw UserError(fmt::format("{} cannot be written", path), "name a file in another folder with -o");
}

[[nodiscard]] std::string signed_text(std::int64_t bytes) {
  return (bytes < 0 ? "-" : "+") + bytes_text(static_cast<std::uint64_t>(std::abs(bytes)));
}

void print_growth(const Wishes& wishes, const Profiled& profiled, const std::vector<Holder>& all) {
  if (profiled.before.empty())
    fmt::print("The program ended before it had warmed up ({} s): what it held at the end is all growth.\n",
               wishes.warm_up);
  Table table{{"what grew", "growth", "±", "held now", "blocks"}};
  std::size_t rows = 0;
  for (const Holder& holder : all) {
    if (holder.growth() <= 0 || rows++ == wishes.rows) break;
    table.add({holder.name, signed_text(holder.growth()),
               bytes_text(static_cast<std::uint64_t>(holder.uncertainty)), bytes_text(holder.now.bytes),
               count_text(holder.now.count)});
  }
  fmt::print("{}", rows == 0 ? "Nothing grew.\n" : table.text());
}

[[nodiscard]] bool is_held(const std::vector<Holder>& all) {
  return std::any_of(all.begin(), all.end(), [](const Holder& holder) { return holder.now.bytes != 0; });
}

void print_holders(const Wishes& wishes, std::vector<Holder> all) {
  std::stable_sort(all.begin(), all.end(),
                   [](const Holder& a, const Holder& b) { return a.now.bytes > b.now.bytes; });
  Table table{{"who holds memory", "bytes", "±", "blocks", "allocated"}};
  for (std::size_t i = 0; i != std::min(all.size(), wishes.rows) && all[i].now.bytes != 0; ++i)
    table.add({all[i].name, bytes_text(all[i].now.bytes),
               bytes_text(static_cast<std::uint64_t>(all[i].uncertainty)), count_text(all[i].now.count),
               bytes_text(all[i].allocated.bytes)});
  fmt::print("{}", is_held(all) ? table.text() : "Nothing that was sampled is held any more.\n");
}

void print_json(const Wishes& wishes, const Profiled& profiled, const HeapProfile& now,
                const std::vector<Holder>& all) {
  json places = json::array();
  for (const Holder& holder : all)
    places.push_back({{"name", holder.name},
                      {"bytes", holder.now.bytes},
                      {"blocks", holder.now.count},
                      {"uncertainty_bytes", std::llround(holder.uncertainty)},
                      {"growth_bytes", holder.growth()},
                      {"allocated_bytes", holder.allocated.bytes},
                      {"allocated_blocks", holder.allocated.count}});
  const json page{{"kind", "basalt profile"},
                  {"command", wishes.command},
                  {"path", wishes.path},
                  {"status", profiled.status},
                  {"of_the_end", profiled.is_of_the_end},
                  {"warmed_up", !profiled.before.empty()},
                  {"period", now.period},
                  {"comment", now.comment},
                  {"places", places}};
  fmt::print("{}\n", page.dump(2, ' ', false, json::error_handler_t::replace));
}

void report(const Wishes& wishes, const Profiled& profiled) {
  const HeapProfile now = read_heap_profile(profiled.now);
  const std::vector<Holder> all = holders(read_heap_profile(profiled.before), now);
  if (wishes.as_json) {
    print_json(wishes, profiled, now, all);
  } else if (wishes.leaks) {
    print_growth(wishes, profiled, all);
  } else if (!wishes.quiet) {
    print_holders(wishes, all);
  }
  if (wishes.quiet) return;
  std::fflush(stdout);
  fmt::print(stderr, "basalt: {} in {}\n", now.comment.substr(now.comment.find(' ') + 1), wishes.path);
  if (!profiled.is_of_the_end)
    fmt::print(stderr,
               "basalt: the program did not exit by itself: the profile is from before, see --every\n");
  suggest(fmt::format("pprof -http : {0} · go tool pprof -top {1}{0}", shell_text({wishes.path}),
                      is_held(all) ? "" : "-sample_index alloc_space "));
}

int profile_program(Wishes& wishes) {
  const std::uint64_t period = parse_bytes(wishes.period);
  if (period == 0)
    throw UserError("a period of no bytes samples nothing", "write --period 1 for every request");
  if (wishes.path.empty())
    wishes.path = std::filesystem::path{wishes.command.front()}.filename().string() + ".pb.gz";
  const Profiled profiled = run(wishes);
  if (profiled.now.empty()) {
    complain("nothing is known of the program: it did not load the library, or ended without an exit",
             "basalt doctor -- " + shell_text(wishes.command) + " says why; --every 1 asks it each second");
    return profiled.status == success ? found_wanting : profiled.status;
  }
  write(wishes.path, gzipped(profiled.now));
  report(wishes, profiled);
  return profiled.status;
}

}  // namespace

Action describe_profile(Options page) {
  const auto wishes = std::make_shared<Wishes>();
  page.add_option("-o,--output", wishes->path, "the profile; by default PROGRAM.pb.gz").takes("FILE");
  page.add_option("--period", wishes->period, "bytes between two samples, on average; 1: every request")
      .takes("SIZE")
      .shows_default();
  page.add_option("--every", wishes->every,
                  "how often the profile is fetched, in seconds, lest a kill loses it")
      .between(0.01, 1e6)
      .shows_default();
  page.add_flag("--leaks", wishes->leaks, "what has grown between the warm-up and the end");
  page.add_option("--warm-up", wishes->warm_up, "how many seconds the program takes to warm up")
      .between(0.0, 1e6)
      .shows_default();
  page.add_option(
          "--serve", wishes->serve,
          "answer over HTTP while the program runs, as 127.0.0.1:8080: /debug/pprof/heap, /metrics, /stats")
      .takes("ADDRESS");
  page.add_option("--rows", wishes->rows, "how many places are shown").shows_default();
  page.add_flag("--json", wishes->as_json,
                "as one JSON object on stdout, behind what the program writes there");
  page.add_flag("-q,--quiet", wishes->quiet, "without a summary at the end");
  page.add_option("PROGRAM", wishes->command, "behind --, with its arguments").required();
  return [wishes] { return profile_program(*wishes); };
}

}  // namespace basalt::tool
