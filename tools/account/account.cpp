#include "account.hpp"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

namespace basalt::account {

namespace {

using nlohmann::json;

struct Mapping {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::uint64_t resident = 0;
  std::string name;  // a path, [stack] and the like; empty: anonymous
};

// Of what describes the heap: a mapping, or a part of one.
struct Table {
  std::uint64_t begin = 0;
  std::uint64_t resident = 0;
};

struct Pages {
  std::uint32_t process = 0;
  std::vector<Mapping> mappings;
  std::set<std::uint64_t> ours;
  std::vector<Table> tables;
  std::string statistics;
};

[[nodiscard]] Pages parse(const std::string& text) {
  Pages pages;
  std::istringstream lines{text};
  for (std::string line; std::getline(lines, line);) {
    std::uint64_t begin = 0, end = 0, resident = 0;
    int path = 0;
    if (line.starts_with("{")) {
      pages.statistics = line;
      for (std::string more; std::getline(lines, more);) pages.statistics += more;
    } else if (std::sscanf(line.c_str(), "process %" SCNu32, &pages.process) == 1) {
      continue;
    } else if (std::sscanf(line.c_str(), "ours %" SCNx64, &begin) == 1) {
      pages.ours.insert(begin);
    } else if (std::sscanf(line.c_str(), "table %" SCNx64 " %" SCNu64, &begin, &resident) == 2) {
      pages.tables.push_back({begin, resident});
    } else if (std::sscanf(line.c_str(), "%" SCNx64 "-%" SCNx64 " %*s %*s %*s %*s %n", &begin, &end, &path) ==
                   2 &&
               path > 0) {
      pages.mappings.push_back({begin, end, 0, line.substr(static_cast<std::size_t>(path))});
    } else if (!pages.mappings.empty() && std::sscanf(line.c_str(), "Rss: %" SCNu64 " kB", &resident) == 1) {
      pages.mappings.back().resident = resident * 1024;
    }
  }
  return pages;
}

const std::string anonymous = "anonymous, not of the heap: stacks of threads, what the program maps";

[[nodiscard]] std::string class_of(const Mapping& mapping) {
  return mapping.name.empty() ? anonymous : mapping.name;
}

// Returns: what tells more of such a mapping.
[[nodiscard]] std::string lever_of(const std::string& name) {
  if (name == anonymous) return "strace -f -e trace=mmap tells who maps it";
  if (name == "[stack]") return "deep recursion, and large arrays in functions";
  if (name == "[heap]") return "strace -f -e trace=brk tells who asks for it: not this heap";
  return name.starts_with("/") ? "ldd tells who needs it, if it is a library" : "";
}

// Effects: what tables have is taken off the mappings in which they lie.  Returns: how much that is, in bytes.
[[nodiscard]] std::int64_t take_out_tables(Pages& pages) {
  std::uint64_t all = 0;
  for (const Table& table : pages.tables) {
    for (Mapping& mapping : pages.mappings) {
      if (table.begin < mapping.begin || table.begin >= mapping.end) continue;
      const std::uint64_t bytes = std::min(table.resident, mapping.resident);
      mapping.resident -= bytes;
      all += bytes;
    }
  }
  return static_cast<std::int64_t>(all);
}

// Pages that were never touched, or were given back, are in the heap's figures and not in the kernel's: that is the last step.
void add_heap_steps(const json& statistics, Account& account) {
  const json& sums = statistics.at("sums_to_mapped");
  const auto step = [&](const char* name, std::initializer_list<const char*> figures, const char* lever) {
    std::int64_t bytes = 0;
    for (const char* const figure : figures) bytes += sums.at(figure).get<std::int64_t>();
    if (bytes != 0) account.heap.push_back({name, bytes, lever});
  };
  step("live blocks", {"live_slots", "live_large", "live_huge", "live_guarded"},
       "basalt record, basalt report");
  step("free, between live blocks", {"free_in_spans", "tails"},
       "basalt report --fragmentation; basalt_purge() gives its whole pages back");
  step("free, in the threads' caches", {"cached"}, "BASALT_CACHE");
  step("freed by other threads, on the way home", {"remote"}, "basalt_purge() from any thread");
  step("free, kept for what comes next", {"dirty"}, "BASALT_KEEP, BASALT_KEEP_PERCENT");
  std::int64_t sum = 0;
  for (const Step& one : account.heap) sum += one.bytes;
  const std::int64_t rest = static_cast<std::int64_t>(account.heap_resident) - sum;
  if (rest < 0) account.heap.push_back({"of these, never touched or given back by the page", rest, ""});
  if (rest > 0)
    account.heap.push_back({"whole pages for parts of them, and huge pages", rest, "BASALT_HUGE_PAGES=none"});
  account.rounding = statistics.at("estimates").at("rounding_in_live_slots_sampled").get<std::uint64_t>();
}

// The small kitchen knows what is live and what is free.
void add_small_steps(const json& sums, Account& account) {
  const auto live = sums.value("live", std::int64_t{0}), free = sums.value("free", std::int64_t{0});
  const std::int64_t rest = static_cast<std::int64_t>(account.heap_resident) - live - free;
  account.heap.push_back({"live blocks", live, "basalt record, basalt report"});
  account.heap.push_back({"free", free, ""});
  account.heap.push_back({rest < 0 ? "of these, never touched" : "whole pages for parts of them", rest, ""});
}

}  // namespace

std::vector<Step> Account::causes() const {
  std::vector<Step> all;
  for (const std::vector<Step>* const part : {&heap, &others}) {
    for (const Step& step : *part) {
      if (step.bytes > 0 && step.name != "live blocks") all.push_back(step);
    }
  }
  std::stable_sort(all.begin(), all.end(), [](const Step& a, const Step& b) { return a.bytes > b.bytes; });
  if (all.size() > 3) all.resize(3);
  return all;
}

std::optional<Account> read(const std::string& text) {
  Pages pages = parse(text);
  const json statistics = json::parse(pages.statistics, nullptr, false);
  if (pages.mappings.empty() || !statistics.is_object() || !statistics.contains("sums_to_mapped"))
    return std::nullopt;
  Account account;
  account.process = pages.process;
  std::map<std::string, std::int64_t> others;
  for (const Mapping& mapping : pages.mappings) account.resident += mapping.resident;
  const std::int64_t metadata = take_out_tables(pages);
  for (const Mapping& mapping : pages.mappings) {
    if (pages.ours.contains(mapping.begin)) {
      account.heap_resident += mapping.resident;
    } else if (mapping.resident != 0) {
      others[class_of(mapping)] += static_cast<std::int64_t>(mapping.resident);
    }
  }
  if (statistics.at("sums_to_mapped").contains("live_slots")) {
    add_heap_steps(statistics, account);
  } else {
    add_small_steps(statistics.at("sums_to_mapped"), account);
  }
  for (const auto& [name, bytes] : others) account.others.push_back({name, bytes, lever_of(name)});
  std::stable_sort(account.others.begin(), account.others.end(),
                   [](const Step& a, const Step& b) { return a.bytes > b.bytes; });
  if (metadata != 0)
    account.others.insert(account.others.begin(), {"metadata: what describes the heap", metadata,
                                                   "it grows with the heap and with the threads"});
  return account;
}

}  // namespace basalt::account
