#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "account/account.hpp"
#include "agent/agent.hpp"
#include "agent_client.hpp"
#include "allocators.hpp"
#include "child.hpp"
#include "commands.hpp"
#include "console.hpp"
#include "heap_profile.hpp"
#include "program_file.hpp"
#include "temporary_file.hpp"

namespace basalt::tool {

namespace {

using nlohmann::json;

struct Wishes {
  std::vector<std::string> command;
  std::string allocator = "basalt", limit;
  bool hardened = false, small = false, stats = false, as_json = false, quiet = false;
};

constexpr std::uint64_t least_limit = 1 << 20;  // what the library takes
constexpr const char* period = "65536";         // bytes between two samples

struct Used {
  double wall_ns = 0, cpu_ns = 0;
  std::uint64_t peak = 0;  // bytes resident
};

[[nodiscard]] Used used_by(const Child& child, std::chrono::nanoseconds wall) {
  const rusage& used = child.used();
  const auto ns = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_usec) * 1e3;
  };
  return {static_cast<double>(wall.count()), ns(used.ru_utime) + ns(used.ru_stime),
          static_cast<std::uint64_t>(used.ru_maxrss) * 1024};
}

void print_steps(const std::vector<account::Step>& steps, std::size_t most) {
  std::int64_t rest = 0;
  for (std::size_t i = 0; i != steps.size(); ++i) {
    if (i >= most) {
      rest += steps[i].bytes;
      continue;
    }
    const std::uint64_t size =
        static_cast<std::uint64_t>(steps[i].bytes < 0 ? -steps[i].bytes : steps[i].bytes);
    fmt::print(stderr, "  {} {:>12}  {}\n", steps[i].bytes < 0 ? '-' : '+', bytes_text(size), steps[i].name);
  }
  if (rest != 0)
    fmt::print(stderr, "  + {:>12}  {} more\n", bytes_text(static_cast<std::uint64_t>(rest)),
               steps.size() - most);
}

// Returns: who holds the live blocks, the largest first, as far as samples tell.
[[nodiscard]] std::vector<Holder> holders_in(const std::string& profile) {
  if (profile.empty()) return {};
  std::vector<Holder> all = holders({}, read_heap_profile(profile));
  std::erase_if(all, [](const Holder& holder) { return holder.now.bytes == 0; });
  std::stable_sort(all.begin(), all.end(),
                   [](const Holder& a, const Holder& b) { return a.now.bytes > b.now.bytes; });
  return all;
}

void print(const std::vector<Holder>& holders) {
  if (holders.empty()) return;
  fmt::print(stderr, "The live blocks are held by (an estimate, from samples):\n");
  for (std::size_t i = 0; i != std::min<std::size_t>(3, holders.size()); ++i)
    fmt::print(stderr, "  {:>12} ± {:<10} {}\n", bytes_text(holders[i].now.bytes),
               bytes_text(static_cast<std::uint64_t>(holders[i].uncertainty)), holders[i].name);
}

void print(const account::Account& account) {
  fmt::print(stderr, "\nResident at the end\n");
  print_steps(account.heap, account.heap.size());
  fmt::print(stderr, "  = {:>12}  pages of the heap's blocks\n", bytes_text(account.heap_resident));
  print_steps(account.others, 9);
  fmt::print(stderr, "  = {:>12}  resident, as the kernel counts it ({} bytes)\n",
             bytes_text(account.resident), account.resident);
  if (account.rounding != 0)
    fmt::print(
        stderr,
        "About {} of the live blocks is what their sizes were rounded up by (an estimate, from a sample).\n",
        bytes_text(account.rounding));
  fmt::print(stderr, "\nThe largest that is not live blocks:\n");
  for (const account::Step& step : account.causes())
    fmt::print(stderr, "  {:>12}  {}{}\n", bytes_text(static_cast<std::uint64_t>(step.bytes)), step.name,
               step.lever.empty() ? "" : " → " + step.lever);
}

[[nodiscard]] json as_json(const std::vector<account::Step>& steps) {
  json all = json::array();
  for (const account::Step& step : steps)
    all.push_back({{"name", step.name}, {"bytes", step.bytes}, {"lever", step.lever}});
  return all;
}

[[nodiscard]] json as_json(const std::vector<Holder>& holders) {
  json all = json::array();
  for (const Holder& holder : holders)
    all.push_back({{"name", holder.name},
                   {"bytes_estimate", holder.now.bytes},
                   {"uncertainty_bytes", static_cast<std::uint64_t>(holder.uncertainty)}});
  return all;
}

// What a program left of its memory at its end.
struct Left {
  std::optional<account::Account> account;
  std::string why_none;
  std::vector<Holder> holders;
};

// What the program started has its environment, and may have ended after it, or with more order: its account is not the program's.
[[nodiscard]] Left left_by(const Child& child, const TemporaryFile& account, const TemporaryFile& profile) {
  Left left{account::read(account.bytes()), "", holders_in(profile.bytes())};
  const std::uint32_t whose = left.account ? left.account->process : 0;
  if (whose == static_cast<std::uint32_t>(child.pid())) return left;
  left.account.reset();
  left.why_none =
      child.ending().starts_with("exit")
          ? "the program left no account: it ended without its destructors, or did not load the library"
          : "the program left no account: it was " + child.ending();
  if (whose != 0) left.why_none += fmt::format("; that of process {}, which it started, is not shown", whose);
  return left;
}

// Returns: what the program has preloaded besides, where that may be what it runs on; empty: nothing.
[[nodiscard]] std::string others_preloaded(const Allocator& allocator) {
  const char* const others = std::getenv("LD_PRELOAD");
  return others != nullptr && allocator.library.empty() ? others : "";
}

void print_json(const Wishes& wishes, const std::string& not_loaded, const std::string& others, Child& child,
                const Used& used, const Left& left) {
  const std::optional<account::Account>& account = left.account;
  json all{{"kind", "basalt run"},          {"command", wishes.command},
           {"allocator", wishes.allocator}, {"not_loaded", not_loaded},
           {"preloaded", others},           {"status", child.wait()},
           {"ended", child.ending()},       {"wall_ns", used.wall_ns},
           {"cpu_ns", used.cpu_ns},         {"peak_resident_bytes", used.peak}};
  if (account)
    all["account"] = {{"resident", account->resident},          {"heap_resident", account->heap_resident},
                      {"rounding_estimate", account->rounding}, {"heap", as_json(account->heap)},
                      {"others", as_json(account->others)},     {"live_held_by", as_json(left.holders)}};
  if (!account && wishes.stats) all["account"] = nullptr, all["no_account"] = left.why_none;
  fmt::print(stderr, "{}\n", all.dump(2, ' ', false, json::error_handler_t::replace));
}

// An account says how much is where, a recording who asked for it.
[[nodiscard]] std::string next_after(const Wishes& wishes) {
  const std::string program = shell_text(wishes.command);
  constexpr std::size_t long_one = 40;
  if (wishes.stats) return "basalt record --pointers -- " + program;
  if (program.size() > long_one) return "basalt run --stats -- " + program;
  return fmt::format("basalt run --stats -- {0} · basalt record -- {0}", program);
}

// What an allocator does not know it would ignore without a word.  Throws: UserError.
void require_effect(const Wishes& wishes, const Allocator& allocator) {
  if (wishes.limit.empty() && !wishes.stats) return;
  const std::set<std::string> doors =
      allocator.library.empty() ? std::set<std::string>{} : names_defined_in(allocator.library);
  if (!wishes.limit.empty() && !doors.contains("basalt_option_set"))
    throw UserError(allocator.name + " has no limit that could be set",
                    "leave --limit out, or run it on basalt or hardened");
  if (!wishes.limit.empty() && parse_bytes(wishes.limit) < least_limit)
    throw UserError(fmt::format("a limit of {} is too low to be set", wishes.limit), "give 1M or more");
  if (wishes.stats && !doors.contains("basalt_version"))
    throw UserError(allocator.name + " gives no account of its memory",
                    "leave --stats out, or run it on basalt, hardened or small");
}

// Returns: why the allocator cannot be loaded into the program, as far as files tell; empty: it can.
[[nodiscard]] std::string why_not_loaded(const std::string& program, const Allocator& allocator) {
  if (allocator.library.empty()) return "";
  const std::string path = path_of(program), interpreter = interpreter_of(path);
  const std::vector<Obstacle> obstacles = obstacles_of(interpreter.empty() ? path : interpreter);
  return obstacles.empty() ? "" : obstacles.front().what;
}

// Effects: the library and the environment are what was wished for.
[[nodiscard]] Started started_by(const Wishes& wishes, const Allocator& allocator,
                                 const TemporaryFile& account, const TemporaryFile& profile) {
  Started started{wishes.command, allocator.library, {}, ""};
  if (wishes.stats && allocator.name == "basalt") started = with_agent(wishes.command);
  if (!wishes.limit.empty())
    started.environment.emplace_back("BASALT_HARD_LIMIT", std::to_string(parse_bytes(wishes.limit)));
  if (wishes.stats)
    started.environment.insert(started.environment.end(), {{"BASALT_ACCOUNT", account.path()},
                                                           {agent::period_variable, period},
                                                           {agent::last_variable, profile.path()},
                                                           {agent::silent_variable, "1"}});
  return started;
}

void print(const Wishes& wishes, const Allocator& allocator, const Child& child, const Used& used) {
  if (wishes.quiet) return;
  fmt::print(stderr, "basalt: {} on {}: {}{} ({} of processor time), {} resident at most\n",
             wishes.command[0], allocator.name, child.succeeded() ? "" : child.ending() + ", ",
             time_text(used.wall_ns), time_text(used.cpu_ns), bytes_text(used.peak));
}

int run_program(Wishes& wishes) {
  if (wishes.hardened) wishes.allocator = "hardened";
  if (wishes.small) wishes.allocator = "small";
  const Allocator allocator = allocator_named(wishes.allocator);
  require_effect(wishes, allocator);
  const std::string not_loaded = why_not_loaded(wishes.command[0], allocator);
  const std::string others = others_preloaded(allocator);
  const TemporaryFile file{"account"}, profile{"profile"};
  const auto begin = std::chrono::steady_clock::now();
  Child child{started_by(wishes, allocator, file, profile)};
  const int status = child.wait();
  const Used used = used_by(child, std::chrono::steady_clock::now() - begin);
  const Left left = left_by(child, file, profile);
  if (wishes.as_json) print_json(wishes, not_loaded, others, child, used, left);
  if (!not_loaded.empty() && !wishes.as_json)
    complain(fmt::format("{} was not loaded: {}", allocator.name, not_loaded),
             "basalt doctor -- " + shell_text(wishes.command) + " says what to do");
  if (!not_loaded.empty()) return status == success ? found_wanting : status;
  if (wishes.as_json) return status;
  if (!others.empty())
    complain(fmt::format("LD_PRELOAD already has {}", others),
             "if it replaces malloc, that is what the program ran on, and not " + allocator.name);
  print(wishes, allocator, child, used);
  if (left.account) print(*left.account), print(left.holders);
  if (wishes.stats && !left.account)
    complain(left.why_none, "basalt doctor -- " + shell_text(wishes.command) + " says why");
  if (!wishes.quiet) suggest(next_after(wishes));
  return status;
}

}  // namespace

Action describe_run(Options page) {
  const auto wishes = std::make_shared<Wishes>();
  page.add_option("-a,--allocator", wishes->allocator,
                  "basalt, hardened, small, glibc, or any that basalt replay knows")
      .takes("NAME")
      .shows_default();
  page.add_flag("--hardened", wishes->hardened, "the same as -a hardened");
  page.add_flag("--small", wishes->small, "the same as -a small");
  page.add_option("--limit", wishes->limit, "memory for blocks above which there is none, as in 512M")
      .takes("SIZE");
  page.add_flag("--stats", wishes->stats, "where the resident memory is when the program ends");
  page.add_flag("--json", wishes->as_json, "what is said at the end as one JSON object, on stderr as well");
  page.add_flag("-q,--quiet", wishes->quiet, "without the line at the end");
  page.add_option("PROGRAM", wishes->command, "behind --, with its arguments").required();
  return [wishes] { return run_program(*wishes); };
}

}  // namespace basalt::tool
