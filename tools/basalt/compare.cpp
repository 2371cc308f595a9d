#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "analysis/analysis.hpp"
#include "commands.hpp"
#include "console.hpp"
#include "open_trace.hpp"
#include "pprof_read.hpp"
#include "replay/figures.hpp"
#include "report.hpp"

namespace basalt::tool {

namespace {

using nlohmann::json;

struct Wishes {
  std::string a, b, most_regress;
  std::size_t rows = 10;
  bool as_json = false;
};

// Of a replay's round that took no longer than the player alone there is no time.
constexpr double least_ns = 1;

enum class Judged : std::uint8_t {
  yes,
  not_by_itself,  // it is a part of another row, and says how that is made up
  not_known,      // of a replay's time, some rounds of which took no longer than the player alone
};

// A figure of which less is better.
struct Row {
  std::string name;
  double before = 0, after = 0;
  std::optional<replay::Interval> ratio;  // after over before, where it was measured more than once
  std::string before_text, after_text;
  Judged judged = Judged::yes;

  // What was not there before has grown by more than any share of it.
  [[nodiscard]] double change() const {
    if (before == 0) return after == 0 ? 0 : std::numeric_limits<double>::infinity();
    return after / before - 1;
  }
  // What was measured once is what it is; what was measured often regressed if all that is probable lies beyond the bound.
  [[nodiscard]] bool regressed(double most) const {
    return judged == Judged::yes && (ratio ? ratio->low - 1 : change()) > most;
  }
};

[[nodiscard]] double parse_percent(const std::string& text) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  const std::string unit = end;
  if (end == text.c_str() || !(unit.empty() || unit == "%" || unit == " %") || !(number >= 0))
    throw UserError(fmt::format("{} is no share", text), "write it as in 3%");
  return number / 100;
}

[[nodiscard]] Row row_of(const std::string& name, std::uint64_t before, std::uint64_t after,
                         std::string (*text)(std::uint64_t)) {
  return {name,       static_cast<double>(before), static_cast<double>(after), std::nullopt, text(before),
          text(after)};
}

struct TraceFigures {
  analysis::Findings findings;
  std::map<std::string, std::int64_t> at_peak;  // by place
  std::uint64_t peak = 0;
  std::string not_whole;  // why; empty: it is
};

[[nodiscard]] TraceFigures figures_of(const std::string& path) {
  trace::Reader reader = open_trace(path);
  TraceFigures figures;
  Progress progress{"reading " + path, reader.totals().events};
  figures.findings =
      analysis::analyse(reader, analysis::peak_event(reader), [&](std::uint64_t done) { progress.at(done); });
  figures.peak = reader.totals().peak_bytes;
  figures.not_whole = what_is_missing(reader);
  if (!figures.not_whole.empty())
    fmt::print(stderr, "basalt: {} is not whole: {}\n", path, figures.not_whole);
  if (!reader.header().columns.stacks) return figures;
  symbols::Symbolizer names{reader.tables()};
  for (const NamedSite& named : named_sites(figures.findings, names))
    figures.at_peak[named.name] = static_cast<std::int64_t>(named.site.chosen.bytes);
  mention_changes(names);
  return figures;
}

using Places = std::map<std::string, std::int64_t>;

void print_places(const Places& a, const Places& b, std::size_t rows) {
  Places differences = b;
  for (const auto& [name, bytes] : a) differences[name] -= bytes;
  std::vector<std::pair<std::string, std::int64_t>> order{differences.begin(), differences.end()};
  std::erase_if(order, [](const auto& one) { return one.second == 0; });
  std::sort(order.begin(), order.end(),
            [](const auto& x, const auto& y) { return std::abs(x.second) > std::abs(y.second); });
  if (order.empty()) return;
  fmt::print("\n{}\n", styled(Style::strong, "Who holds more, or less"));
  for (std::size_t i = 0; i != std::min(rows, order.size()); ++i)
    fmt::print("  {}{:>10}  {}\n", order[i].second < 0 ? '-' : '+',
               bytes_text(static_cast<std::uint64_t>(std::abs(order[i].second))), order[i].first);
}

[[nodiscard]] std::vector<Row> rows_of(const TraceFigures& a, const TraceFigures& b) {
  const analysis::Findings &before = a.findings, &after = b.findings;
  Row temporary = row_of("temporary ones", before.temporary.count, after.temporary.count, count_text);
  temporary.judged = Judged::not_by_itself;
  return {row_of("peak of live bytes", a.peak, b.peak, bytes_text),
          row_of("bytes allocated", before.allocated.bytes, after.allocated.bytes, bytes_text),
          row_of("allocations", before.allocated.count, after.allocated.count, count_text), temporary,
          row_of("not freed at the end", before.left.bytes, after.left.bytes, bytes_text)};
}

[[nodiscard]] json json_in(const std::string& path) {
  std::ifstream file{path};
  json all = json::parse(std::string{std::istreambuf_iterator<char>{file}, {}}, nullptr, false);
  if (!all.is_object() || all.value("kind", "") != "basalt replay")
    throw UserError(path + " is neither a trace nor a profile nor what basalt replay --json prints",
                    "make one: basalt record -o FILE -- PROGRAM");
  return all;
}

// Returns: what the rounds took, with the player's own time in it.
[[nodiscard]] replay::Times times_in(const json& allocator) {
  replay::Times times{allocator.at("time_ns"), allocator.value("own_ns", std::vector<double>{})};
  if (times.rounds.empty()) throw UserError("a replay without rounds cannot be compared", "");
  const double own = times.own.empty() ? 0 : replay::median(times.own);
  for (double& round : times.rounds) round = round <= least_ns ? 0 : round + own;
  return times;
}

[[nodiscard]] Row time_row(const std::string& name, replay::Times before, replay::Times after) {
  const std::size_t count = std::min(before.rounds.size(), after.rounds.size());
  before.rounds.resize(count), after.rounds.resize(count);
  const double old = replay::median(before.net()), fresh = replay::median(after.net());
  if (before.swallowed() + after.swallowed() != 0)
    return {name + ": time", 0, 0, std::nullopt, "-", "-", Judged::not_known};
  Row row{name + ": time", old, fresh, replay::ratio(after, before), time_text(old), time_text(fresh)};
  if (count < 3) row.ratio.reset();
  return row;
}

// Of each allocator that both have: its time, and its memory.
[[nodiscard]] std::vector<Row> rows_of(const json& a, const json& b) {
  std::vector<Row> rows;
  for (const json& before : a.at("allocators")) {
    for (const json& after : b.at("allocators")) {
      const std::string name = before.at("name");
      if (after.at("name") != name) continue;
      rows.push_back(time_row(name, times_in(before), times_in(after)));
      rows.push_back(row_of(name + ": peak", before.at("peak_bytes"), after.at("peak_bytes"), bytes_text));
    }
  }
  return rows;
}

// Of each kind of value that both have.
[[nodiscard]] std::vector<Row> rows_of(const Profile& a, const Profile& b) {
  std::vector<Row> rows;
  for (const Profile::Kind& before : a.kinds) {
    for (const Profile::Kind& after : b.kinds) {
      if (after.name != before.name) continue;
      rows.push_back(row_of(before.name, static_cast<std::uint64_t>(before.sum),
                            static_cast<std::uint64_t>(after.sum),
                            before.unit == "bytes" ? bytes_text : count_text));
    }
  }
  return rows;
}

[[nodiscard]] bool is_trace(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  std::string magic(8, '\0');
  file.read(magic.data(), 8);
  return magic == std::string(trace::file_magic, 8);
}

enum class Kind : std::uint8_t { trace, profile, replay };

// Throws: UserError, if it is none of them.
[[nodiscard]] Kind kind_of(const std::string& path) {
  require_file(path);
  if (is_trace(path)) return Kind::trace;
  if (is_packed(path)) return Kind::profile;
  (void)json_in(path);
  return Kind::replay;
}

// Returns: the kind of both.  Throws: UserError.
[[nodiscard]] Kind kind_of_both(const Wishes& wishes) {
  constexpr std::array names{"a trace", "a profile", "the result of a replay"};
  const Kind a = kind_of(wishes.a), b = kind_of(wishes.b);
  if (a != b)
    throw UserError(fmt::format("{} is {}, and {} is {}", wishes.a, names[static_cast<std::size_t>(a)],
                                wishes.b, names[static_cast<std::size_t>(b)]),
                    "name two of the same kind");
  return a;
}

// What is not whole has needed less than the program did: it would pass.
void require_whole(const Wishes& wishes, const TraceFigures& a, const TraceFigures& b) {
  if (wishes.most_regress.empty() || (a.not_whole.empty() && b.not_whole.empty())) return;
  throw UserError(
      fmt::format("{} is not whole, so nothing is sure", a.not_whole.empty() ? wishes.b : wishes.a),
      "record it anew, or compare without --max-regress");
}

// What is not known has not become worse either: it would pass.
void mention_unknown(const Wishes& wishes, const std::vector<Row>& rows) {
  const auto row =
      std::find_if(rows.begin(), rows.end(), [](const Row& one) { return one.judged == Judged::not_known; });
  if (row == rows.end()) return;
  const std::string what = row->name + " is not known: rounds took no longer than the player alone";
  if (!wishes.most_regress.empty())
    throw UserError(what, "replay both anew with --threads 1, or compare without --max-regress");
  fmt::print(stderr, "basalt: {}\n", what);
}

[[nodiscard]] std::string next_after(const Wishes& wishes, Kind kind) {
  const std::string a = shell_text({wishes.a}), b = shell_text({wishes.b});
  if (kind == Kind::trace) return fmt::format("basalt report {0} · basalt replay {0}", b);
  if (kind == Kind::profile) return fmt::format("go tool pprof -top -diff_base {} {}", a, b);
  return "basalt report " + shell_text({json_in(wishes.b).value("trace", "")});
}

[[nodiscard]] std::string change_text(const Row& row) {
  if (row.judged == Judged::not_known) return "not known";
  if (std::isinf(row.change())) return "from none";
  std::string text = fmt::format("{:+.1f} %", 100 * row.change());
  if (row.ratio)
    text += fmt::format(" ({:+.1f} to {:+.1f})", 100 * (row.ratio->low - 1), 100 * (row.ratio->high - 1));
  return text;
}

void print(const std::vector<Row>& rows, double most) {
  Table table{{"", "before", "after", "change", ""}};
  for (const Row& row : rows)
    table.add({row.name, row.before_text, row.after_text, change_text(row),
               row.regressed(most) ? "REGRESSED" : ""});
  fmt::print("{}", table.text());
}

void print_json(const std::vector<Row>& rows, double most) {
  json all = json::array();
  for (const Row& row : rows) {
    json one{{"name", row.name}, {"before", row.before}, {"after", row.after}, {"change", row.change()}};
    if (row.judged == Judged::not_known) one["before"] = one["after"] = one["change"] = nullptr;
    if (row.ratio) one["ratio"] = {row.ratio->low, row.ratio->middle, row.ratio->high};
    one["judged"] = row.judged == Judged::yes;
    one["regressed"] = row.regressed(most);
    all.push_back(one);
  }
  fmt::print("{}\n", json{{"kind", "basalt compare"}, {"rows", all}}.dump(2));
}

int compare(const Wishes& wishes) {
  const double most = wishes.most_regress.empty() ? std::numeric_limits<double>::infinity()
                                                  : parse_percent(wishes.most_regress);
  std::vector<Row> rows;
  Places before, after;
  const Kind kind = kind_of_both(wishes);
  if (kind == Kind::trace) {
    const TraceFigures a = figures_of(wishes.a), b = figures_of(wishes.b);
    require_whole(wishes, a, b);
    rows = rows_of(a, b), before = a.at_peak, after = b.at_peak;
  } else if (kind == Kind::profile) {
    const Profile a = read_profile(wishes.a), b = read_profile(wishes.b);
    rows = rows_of(a, b), before = a.places, after = b.places;
  } else {
    rows = rows_of(json_in(wishes.a), json_in(wishes.b));
    mention_unknown(wishes, rows);
  }
  if (rows.empty())
    throw UserError("the two have nothing in common", "of replays, name the same allocators: -a");
  if (wishes.as_json) {
    print_json(rows, most);
  } else {
    print(rows, most);
    print_places(before, after, wishes.rows);
    suggest(next_after(wishes, kind));
  }
  return std::any_of(rows.begin(), rows.end(), [&](const Row& row) { return row.regressed(most); })
             ? found_wanting
             : success;
}

}  // namespace

Action describe_compare(Options page) {
  const auto wishes = std::make_shared<Wishes>();
  page.add_option("BEFORE", wishes->a, "a trace, a profile of pprof, or what basalt replay --json printed")
      .required();
  page.add_option("AFTER", wishes->b, "another one of the same kind").required();
  page.add_option("--max-regress", wishes->most_regress,
                  "exit with 1 if anything became worse by more than that, as in 3%")
      .takes("SHARE");
  page.add_option("--rows", wishes->rows, "how many places are shown").shows_default();
  page.add_flag("--json", wishes->as_json, "as one JSON object");
  return [wishes] { return compare(*wishes); };
}

}  // namespace basalt::tool
