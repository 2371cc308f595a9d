#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "agent/agent.hpp"
#include "agent_client.hpp"
#include "commands.hpp"
#include "console.hpp"

namespace basalt::tool {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;

struct Wishes {
  std::vector<std::string> what;  // one number of a process, or a command
  double interval = 1;            // seconds
  std::size_t count = 0;          // 0: to the end
  std::size_t rows = 10;
  bool as_json = false;
};

struct Line {
  const char* figure;
  const char* words;
};

// In the order of the way that memory takes.
constexpr Line lines[] = {
    {"free_in_spans", "free slots in spans"}, {"cached", "free slots in the threads' bins"},
    {"remote", "freed by other threads"},     {"tails", "ends of spans"},
    {"dirty", "free, kept for the next"},
};

[[nodiscard]] std::uint64_t live_bytes(const json& sums) {
  std::uint64_t live = 0;
  for (const char* const name : {"live_slots", "live_large", "live_huge", "live_guarded"})
    live += sums.value(name, std::uint64_t{0});
  return live;
}

// Of what the program could have, in spans and kept free, which part it does not hold.
[[nodiscard]] double fragmentation(const json& sums) {
  std::uint64_t idle = 0;
  for (const Line& line : lines) idle += sums.value(line.figure, std::uint64_t{0});
  const std::uint64_t all = idle + live_bytes(sums);
  return all == 0 ? 0 : static_cast<double>(idle) / static_cast<double>(all);
}

[[nodiscard]] std::string page_of(const Wishes& wishes, pid_t process, const json& statistics) {
  const json& sums = statistics.at("sums_to_mapped");
  std::string page =
      styled(Style::strong, fmt::format("process {}   resident {}   live {}   idle {:.0f} %", process,
                                        bytes_text(resident_bytes(process)), bytes_text(live_bytes(sums)),
                                        100 * fragmentation(sums))) +
      "\n\n";
  for (const Line& line : lines)
    page += fmt::format("  {:>10}  {}\n", bytes_text(sums.value(line.figure, std::uint64_t{0})), line.words);
  std::vector<json> classes = statistics.at("classes");
  std::stable_sort(classes.begin(), classes.end(),
                   [](const json& a, const json& b) { return a.at("bytes") > b.at("bytes"); });
  Table table{{"slots of", "spans", "bytes", "live", "used"}};
  for (std::size_t i = 0; i != std::min(classes.size(), wishes.rows); ++i) {
    const auto bytes = classes[i].at("bytes").get<std::uint64_t>(),
               live = classes[i].at("live").get<std::uint64_t>();
    table.add({bytes_text(classes[i].at("slot").get<std::uint64_t>()),
               count_text(classes[i].at("spans").get<std::uint64_t>()), bytes_text(bytes), bytes_text(live),
               fmt::format("{:.0f} %", 100 * static_cast<double>(live) / static_cast<double>(bytes))});
  }
  return page + "\n" + table.text();
}

[[nodiscard]] bool is_terminal() {
  const char* const kind = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) != 0 && kind != nullptr && std::string_view{kind} != "dumb";
}

// Returns: whether there was an answer to show.
bool show(const Wishes& wishes, pid_t process) {
  static const bool terminal = is_terminal();
  const std::string answer = asked(process, agent::ask_statistics);
  if (answer.empty()) return false;
  const json statistics = json::parse(answer);
  if (wishes.as_json) {
    const json line{{"kind", "basalt top"},
                    {"process", process},
                    {"resident", resident_bytes(process)},
                    {"live", live_bytes(statistics.at("sums_to_mapped"))},
                    {"idle_part", fragmentation(statistics.at("sums_to_mapped"))},
                    {"statistics", statistics}};
    fmt::print("{}\n", line.dump());
  } else {
    fmt::print("{}{}{}", terminal ? "\033[H\033[J" : "", page_of(wishes, process, statistics),
               terminal ? "" : "\n");
  }
  std::fflush(stdout);
  return true;
}

[[nodiscard]] std::chrono::duration<double> pause(const Wishes& wishes) {
  return std::chrono::duration<double>{wishes.interval};
}

int watch_process(const Wishes& wishes, pid_t process) {
  if (!show(wishes, process))
    throw UserError(
        fmt::format("process {} does not answer", process),
        "only one that was started by basalt top or basalt profile does, and only to its own user");
  for (std::size_t shown = 1; shown != wishes.count; ++shown) {
    std::this_thread::sleep_for(pause(wishes));
    if (!show(wishes, process)) break;
  }
  return success;
}

// When everything has been shown that was wished for, the program goes on, and it is waited for.
int watch_program(const Wishes& wishes) {
  Child child{with_agent(wishes.what)};
  std::size_t shown = 0;
  auto next = std::chrono::steady_clock::now() + 50ms;  // it has begun by then
  for (; !child.ended() && (wishes.count == 0 || shown != wishes.count); std::this_thread::sleep_for(10ms)) {
    if (std::chrono::steady_clock::now() < next) continue;
    if (show(wishes, child.pid())) ++shown;
    next = std::chrono::steady_clock::now() +
           std::chrono::duration_cast<std::chrono::steady_clock::duration>(pause(wishes));
  }
  const int status = child.wait();
  if (shown == 0)
    complain("the program was not seen: it ended at once, or did not load the library",
             "basalt doctor -- " + shell_text(wishes.what) + " says which");
  if (shown != 0 && !wishes.as_json) suggest(fmt::format("basalt profile -- {}", shell_text(wishes.what)));
  return status;
}

int top(const Wishes& wishes) {
  const std::string& first = wishes.what.front();
  const bool is_number = wishes.what.size() == 1 && first.size() < 10 &&
                         first.find_first_not_of("0123456789") == std::string::npos;
  return is_number ? watch_process(wishes, std::stoi(first)) : watch_program(wishes);
}

}  // namespace

Action describe_top(Options page) {
  const auto wishes = std::make_shared<Wishes>();
  page.add_option("--interval", wishes->interval, "seconds between two looks")
      .between(0.05, 1e6)
      .shows_default();
  page.add_option("--count", wishes->count, "how many looks; 0: until the program ends").shows_default();
  page.add_option("--rows", wishes->rows, "how many sizes are shown").shows_default();
  page.add_flag("--json", wishes->as_json, "a JSON object a line");
  page.add_option("PROCESS", wishes->what,
                  "the number of a process, or a program behind --, with its arguments")
      .required();
  return [wishes] { return top(*wishes); };
}

}  // namespace basalt::tool
