// A report in words and tables.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "console.hpp"
#include "report.hpp"

namespace basalt::tool {

using analysis::Amount;
using nlohmann::json;

namespace {

[[nodiscard]] std::string share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? ""
                    : fmt::format("{:.1f} %", 100 * static_cast<double>(part) / static_cast<double>(whole));
}

using Column = std::function<Amount(const NamedSite&)>;

[[nodiscard]] std::vector<const NamedSite*> sorted(const Report& report, const Column& column,
                                                   bool by_count) {
  std::vector<const NamedSite*> order;
  for (const NamedSite& site : report.sites) {
    if (column(site).count != 0) order.push_back(&site);
  }
  std::sort(order.begin(), order.end(), [&](const NamedSite* a, const NamedSite* b) {
    const Amount left = column(*a), right = column(*b);
    return by_count ? left.count > right.count : left.bytes > right.bytes;
  });
  return order;
}

void print_stack(std::uint32_t stack, symbols::Symbolizer& names) {
  for (const symbols::Frame& frame : names.stack(stack))
    fmt::print("      {}{}\n", frame.inlined ? "│ " : "", symbols::text_of(frame));
}

// A table of sites by one of their amounts.
void print_sites(const Report& report, const Column& column, bool by_count, Amount whole, std::size_t rows,
                 symbols::Symbolizer* names) {
  if (!report.has_stacks) {
    fmt::print("  The trace has no stacks; basalt record --unwind fp makes one that has.\n");
    return;
  }
  const auto order = sorted(report, column, by_count);
  for (std::size_t i = 0; i != std::min(rows, order.size()); ++i) {
    const Amount amount = column(*order[i]);
    fmt::print("  {:>10}  {:>8} in {:>7} blocks  {}\n",
               share(by_count ? amount.count : amount.bytes, by_count ? whole.count : whole.bytes),
               bytes_text(amount.bytes), count_text(amount.count), order[i]->name);
    if (names != nullptr) print_stack(order[i]->stack, *names);
  }
  if (order.size() > rows)
    fmt::print("  and {} more places; --rows shows more of them\n", order.size() - rows);
  if (order.empty()) fmt::print("  none\n");
}

void heading(const std::string& words) { fmt::print("\n{}\n", styled(Style::strong, words)); }

[[nodiscard]] std::string bar(std::uint64_t part, std::uint64_t most) {
  std::string all;
  for (std::uint64_t i = 0; most != 0 && i < (part * 40 + most - 1) / most; ++i) all += "█";
  return all;
}

// One line for each power of two that occurs.
void print_histogram(const std::array<Amount, 65>& parts,
                     const std::function<std::string(std::size_t)>& name) {
  std::uint64_t most = 0;
  for (const Amount& part : parts) most = std::max(most, part.count);
  for (std::size_t bits = 0; bits != parts.size(); ++bits) {
    if (parts[bits].count == 0) continue;
    fmt::print("  {:>22}  {:>8}  {:>10}  {}\n", name(bits), count_text(parts[bits].count),
               bytes_text(parts[bits].bytes), bar(parts[bits].count, most));
  }
}

[[nodiscard]] std::uint64_t least_of(std::size_t bits) {
  return bits == 0 ? 0 : std::uint64_t{1} << (bits - 1);
}
[[nodiscard]] std::uint64_t most_of(std::size_t bits) {
  return bits == 0 ? 0 : bits == 64 ? UINT64_MAX : (std::uint64_t{1} << bits) - 1;
}

}  // namespace

std::vector<NamedSite> named_sites(const analysis::Findings& findings, symbols::Symbolizer& names) {
  std::unordered_map<std::string, std::size_t> places;
  std::vector<NamedSite> sites;
  for (std::uint32_t stack = 0; stack != findings.sites.size(); ++stack) {
    const analysis::Site& site = findings.sites[stack];
    if (site.allocated.count == 0) continue;
    const auto frames = names.stack(stack);
    const std::string name = frames.empty() ? "(not known)" : symbols::text_of(symbols::cause(frames));
    const auto [place, is_new] = places.try_emplace(name, sites.size());
    if (is_new) sites.push_back({name, {}, 0, 0});
    NamedSite& named = sites[place->second];
    named.site += site;
    if (site.allocated.bytes >= named.stack_bytes)
      named.stack = stack, named.stack_bytes = site.allocated.bytes;
  }
  return sites;
}

namespace {

void print_unknown(const analysis::Findings& found) {
  if (found.unknown_frees != 0)
    fmt::print("  unknown      {} frees of pointers whose allocation was not seen\n",
               count_text(found.unknown_frees));
}

}  // namespace

std::string word_on_stacks(const Report& report) {
  const std::uint64_t all = report.findings.allocated.count;
  if (report.lone_calls <= all / 2) return "";
  return fmt::format(
      "{} of all blocks: only one call is known; basalt record --unwind libunwind follows more",
      share(report.lone_calls, all));
}

void print_summary(const Report& report) {
  const analysis::Findings& found = report.findings;
  fmt::print("{}\n", styled(Style::strong, shell_text(report.command)));
  if (found.allocated.count == 0) {
    fmt::print("  allocated    nothing\n");
    return print_unknown(found);
  }
  fmt::print("  allocated    {} in {} blocks, {} of them resized\n", bytes_text(found.allocated.bytes),
             count_text(found.allocated.count), count_text(found.reallocated));
  fmt::print("  {:<12} {} in {} blocks, after event {}\n", report.moment, bytes_text(found.chosen.bytes),
             count_text(found.chosen.blocks), count_text(found.chosen.event));
  if (report.moment != "at the end")
    fmt::print("  at the end   {} in {} blocks\n", bytes_text(found.left.bytes),
               count_text(found.left.count));
  fmt::print("  temporary    {} of all blocks: freed before their thread allocated another\n",
             share(found.temporary.count, found.allocated.count));
  fmt::print("  brief        {} of all blocks: freed within {} allocations\n",
             share(found.brief.count, found.allocated.count), analysis::short_life);
  print_unknown(found);
  if (const std::string word = word_on_stacks(report); !word.empty()) fmt::print("  stacks       {}\n", word);
}

void print_top(const Report& report, std::size_t rows, symbols::Symbolizer* names) {
  heading(fmt::format("Who holds memory ({})", report.moment));
  print_sites(
      report, [](const NamedSite& named) { return named.site.chosen; }, false, report.findings.at_chosen,
      rows, names);
}

void print_leaks(const Report& report, std::size_t rows, symbols::Symbolizer* names) {
  heading("What is not freed at the end");
  print_sites(
      report, [](const NamedSite& named) { return named.site.left; }, false, report.findings.left, rows,
      names);
}

void print_temporary(const Report& report, std::size_t rows, symbols::Symbolizer* names) {
  heading("Who allocates for a moment");
  print_sites(
      report, [](const NamedSite& named) { return named.site.temporary; }, true, report.findings.allocated,
      rows, names);
}

void print_sizes(const Report& report) {
  heading("Sizes asked for (bytes; blocks; all of them)");
  print_histogram(report.findings.sizes,
                  [](std::size_t bits) { return fmt::format("{} to {}", least_of(bits), most_of(bits)); });
}

void print_lifetimes(const Report& report) {
  heading("Lifetimes of freed blocks (how many blocks began meanwhile; blocks; bytes)");
  print_histogram(report.findings.lifetimes,
                  [](std::size_t bits) { return fmt::format("{} to {}", least_of(bits), most_of(bits)); });
  fmt::print("  {:>22}  {:>8}  {:>10}\n", "not freed", count_text(report.findings.left.count),
             bytes_text(report.findings.left.bytes));
}

void print_threads(const Report& report, std::size_t rows) {
  heading("Which thread frees what which one allocated");
  std::vector<std::pair<std::pair<std::uint32_t, std::uint32_t>, Amount>> order{
      report.findings.threads.begin(), report.findings.threads.end()};
  std::sort(order.begin(), order.end(),
            [](const auto& a, const auto& b) { return a.second.count > b.second.count; });
  std::uint64_t elsewhere = 0;
  for (const auto& [pair, amount] : order) elsewhere += pair.first == pair.second ? 0 : amount.count;
  Table table{{"allocated by", "freed by", "blocks", "bytes"}};
  for (std::size_t i = 0; i != std::min(rows, order.size()); ++i)
    table.add({fmt::format("thread {}", order[i].first.first),
               fmt::format("thread {}", order[i].first.second), count_text(order[i].second.count),
               bytes_text(order[i].second.bytes)});
  if (order.empty()) return fmt::print("  No block was freed.\n");
  fmt::print("{}{} of all freed blocks were freed by another thread than had allocated them.\n", table.text(),
             share(elsewhere, report.findings.freed.count));
}

void print_fragmentation(const Report& report, std::size_t rows) {
  const analysis::Fragmentation& found = report.findings.fragmentation;
  heading(fmt::format("Pages ({})", report.moment));
  if (!found.known) {
    fmt::print("  The trace has no addresses; basalt record --pointers makes one that has.\n");
    return;
  }
  fmt::print("  {} pages ({}) hold blocks; {} of them are less than a quarter full: {} for {}\n",
             count_text(found.pages), bytes_text(found.pages * analysis::page_bytes),
             count_text(found.sparse_pages), bytes_text(found.sparse_pages * analysis::page_bytes),
             bytes_text(found.bytes_on_sparse));
  fmt::print("  Who alone pins such pages (the blocks of this site are all that is there):\n");
  if (!report.has_stacks) return print_sites(report, {}, false, {}, rows, nullptr);
  const auto order = sorted(
      report, [](const NamedSite& named) { return named.site.pinned; }, true);
  for (std::size_t i = 0; i != std::min(rows, order.size()); ++i) {
    const Amount pinned = order[i]->site.pinned;
    fmt::print("  {:>7} pages for {:>9}  {}\n", count_text(pinned.count), bytes_text(pinned.bytes),
               order[i]->name);
  }
}

void print_advice(const Report& report) {
  heading("What could be done");
  const std::vector<Advice> all = advice_for(report);
  for (const Advice& advice : all)
    fmt::print("  {} {}\n      {}\n", styled(Style::good, "→"), advice.what, advice.evidence);
  if (all.empty()) fmt::print("  Nothing stands out.\n");
}

namespace {

[[nodiscard]] json json_of(const Amount& amount) {
  return {{"blocks", amount.count}, {"bytes", amount.bytes}};
}

[[nodiscard]] json json_of(const NamedSite& named, symbols::Symbolizer& names) {
  json stack = json::array();
  for (const symbols::Frame& frame : names.stack(named.stack))
    stack.push_back({{"function", frame.function},
                     {"file", frame.file},
                     {"line", frame.line},
                     {"inlined", frame.inlined}});
  const analysis::Site& site = named.site;
  return {
      {"name", named.name},         {"allocated", json_of(site.allocated)}, {"chosen", json_of(site.chosen)},
      {"left", json_of(site.left)}, {"temporary", json_of(site.temporary)}, {"brief", json_of(site.brief)},
      {"growth_steps", site.steps}, {"longest_growth", site.longest_steps}, {"stack", stack}};
}

[[nodiscard]] json json_of(const std::array<Amount, 65>& parts) {
  json all = json::array();
  for (std::size_t bits = 0; bits != parts.size(); ++bits) {
    if (parts[bits].count != 0)
      all.push_back({{"from", least_of(bits)}, {"to", most_of(bits)}, {"blocks", parts[bits].count}});
  }
  return all;
}

}  // namespace

json as_json(const Report& report, symbols::Symbolizer& names) {
  const analysis::Findings& found = report.findings;
  json sites = json::array(), advice = json::array(), curve = json::array();
  for (const NamedSite& named : report.sites) sites.push_back(json_of(named, names));
  for (const Advice& one : advice_for(report))
    advice.push_back({{"what", one.what}, {"evidence", one.evidence}});
  for (const analysis::Point& point : found.curve) curve.push_back({point.event, point.bytes, point.blocks});
  return {{"kind", "basalt report"},
          {"trace", report.path},
          {"command", report.command},
          {"moment", report.moment},
          {"event", found.chosen.event},
          {"allocated", json_of(found.allocated)},
          {"chosen", json_of(found.at_chosen)},
          {"left", json_of(found.left)},
          {"temporary", json_of(found.temporary)},
          {"brief", json_of(found.brief)},
          {"reallocated", found.reallocated},
          {"unknown_frees", found.unknown_frees},
          {"lone_calls", report.lone_calls},
          {"sites", sites},
          {"sizes", json_of(found.sizes)},
          {"lifetimes", json_of(found.lifetimes)},
          {"curve", curve},
          {"advice", advice},
          {"pages",
           {{"known", found.fragmentation.known},
            {"all", found.fragmentation.pages},
            {"sparse", found.fragmentation.sparse_pages}}}};
}

}  // namespace basalt::tool
