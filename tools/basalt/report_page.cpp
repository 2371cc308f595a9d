// A report as a page to look at.
#include <fmt/format.h>

#include <algorithm>

#include "console.hpp"
#include "page.hpp"
#include "report.hpp"

namespace basalt::tool {

namespace {

using analysis::Amount;

[[nodiscard]] std::string bytes_label(double value) { return bytes_text(static_cast<std::uint64_t>(value)); }

using Unit = std::string (*)(std::uint64_t);

// Of the numbers with so many bits: all below the double of the first of them.
[[nodiscard]] std::string name_of(std::size_t bits, Unit unit) {
  const std::uint64_t least = bits == 0 ? 0 : std::uint64_t{1} << (bits - 1);
  if (least < 2) return fmt::format("{}", least);
  return least < 1024 ? fmt::format("{} to {}", least, least * 2 - 1)
         : bits == 64 ? unit(least) + " and more"
                      : fmt::format("{} to {}", unit(least), unit(2 * least - 1));
}

[[nodiscard]] Bar bar_of(std::string name, const Amount& part) {
  const auto count = static_cast<double>(part.count);
  return {std::move(name), count, count, count,
          part.count == 0 ? "0" : fmt::format("{}, {}", count_text(part.count), bytes_text(part.bytes))};
}

// From the first that there are to the last, and those between of which there are none.
[[nodiscard]] std::vector<Bar> bars_of(const std::array<Amount, 65>& parts, Unit unit) {
  std::vector<Bar> bars;
  std::size_t last = parts.size();
  while (last != 0 && parts[last - 1].count == 0) --last;
  for (std::size_t bits = 0; bits != last; ++bits) {
    if (parts[bits].count != 0 || !bars.empty()) bars.push_back(bar_of(name_of(bits, unit), parts[bits]));
  }
  return bars;
}

constexpr std::size_t most_places = 50;

// The callers at the bottom, those that allocated on top.
class FlameBuilder {
 public:
  FlameBuilder(const Report& report, symbols::Symbolizer& names) : names_{names} {
    root_.name = "all that is live " + report.moment;
    for (std::uint32_t stack = 0; stack != report.findings.sites.size(); ++stack)
      add(stack, report.findings.sites[stack].chosen.bytes);
    sort(root_);
  }
  [[nodiscard]] const Flame& root() const { return root_; }

 private:
  void add(std::uint32_t stack, std::uint64_t bytes) {
    if (bytes == 0) return;
    const auto value = static_cast<double>(bytes);
    Flame* at = &root_;
    at->value += value;
    const auto frames = names_.stack(stack);
    for (auto frame = frames.rbegin(); frame != frames.rend(); ++frame) {
      const std::string name = symbols::text_of(*frame);
      const auto known = std::find_if(at->above.begin(), at->above.end(),
                                      [&](const Flame& flame) { return flame.name == name; });
      at = known != at->above.end() ? &*known : &at->above.emplace_back(Flame{name, 0, {}});
      at->value += value;
    }
  }

  static void sort(Flame& flame) {
    std::sort(flame.above.begin(), flame.above.end(),
              [](const Flame& a, const Flame& b) { return a.value > b.value; });
    for (Flame& child : flame.above) sort(child);
  }

  symbols::Symbolizer& names_;
  Flame root_;
};

[[nodiscard]] std::string site_table(const Report& report) {
  std::vector<const NamedSite*> order;
  for (const NamedSite& named : report.sites) order.push_back(&named);
  std::sort(order.begin(), order.end(), [](const NamedSite* a, const NamedSite* b) {
    return std::pair{a->site.chosen.bytes, a->site.allocated.bytes} >
           std::pair{b->site.chosen.bytes, b->site.allocated.bytes};
  });
  const std::size_t all = order.size();
  if (all > most_places) order.resize(most_places);
  std::vector<std::vector<std::string>> rows{
      {"place", report.moment, "blocks then", "allocated", "blocks", "temporary", "at the end"}};
  for (const NamedSite* const named : order) {
    const analysis::Site& site = named->site;
    rows.push_back({named->name, bytes_text(site.chosen.bytes), count_text(site.chosen.count),
                    bytes_text(site.allocated.bytes), count_text(site.allocated.count),
                    count_text(site.temporary.count), bytes_text(site.left.bytes)});
  }
  return html_table(rows) +
         (all > most_places ? fmt::format("<p>And {} more places.</p>\n", all - most_places) : "");
}

void add_holders(Page& page, const Report& report, symbols::Symbolizer& names) {
  page.heading(fmt::format("Who holds it ({})", report.moment));
  if (const std::string word = word_on_stacks(report); !word.empty()) page.text("Stacks: " + word + ".");
  page.text(
      "Each box is a call, as wide as the memory that is live through it; those that allocated are on top. "
      "Point at one for its figures. A click makes it as wide as the page, and one on a box below leads "
      "back.");
  page.add(flame_html(FlameBuilder{report, names}.root(), bytes_label));
  page.add(site_table(report));
}

}  // namespace

std::string as_html(const Report& report, const trace::Tables&, symbols::Symbolizer& names) {
  const analysis::Findings& found = report.findings;
  Page page{"Memory of " + shell_text(report.command)};
  page.text(
      fmt::format("{} in {} blocks were allocated; {} were live {}, {} at the end. {:.0f} % of all blocks "
                  "were freed before their thread "
                  "allocated another.",
                  bytes_text(found.allocated.bytes), count_text(found.allocated.count),
                  bytes_text(found.at_chosen.bytes), report.moment, bytes_text(found.left.bytes),
                  100 * static_cast<double>(found.temporary.count) /
                      static_cast<double>(std::max<std::uint64_t>(found.allocated.count, 1))));
  for (const Advice& advice : advice_for(report))
    page.text(fmt::format("→ {}: {}.", advice.what, advice.evidence));
  page.heading("Live memory");
  page.text("Bytes that the program had asked for and not freed, after so many of its events.");
  Curve curve{"live, as asked for", {}};
  for (const analysis::Point& point : found.curve)
    curve.points.push_back({static_cast<double>(point.event), static_cast<double>(point.bytes)});
  page.add(curves_html(
      {curve}, "events of the program",
      [](double value) { return count_text(static_cast<std::uint64_t>(value)); }, bytes_label));
  if (report.has_stacks) add_holders(page, report, names);
  page.heading("Sizes asked for");
  page.text("How many blocks, by their size in bytes, and how much they are together.");
  page.add(bars_html(bars_of(found.sizes, bytes_text)));
  page.heading("Lifetimes");
  page.text(
      "How many blocks were freed, by how many blocks had begun meanwhile, themselves included; and how many "
      "were not.");
  std::vector<Bar> lifetimes = bars_of(found.lifetimes, count_text);
  lifetimes.push_back(bar_of("not freed", found.left));
  page.add(bars_html(lifetimes));
  return page.html();
}

}  // namespace basalt::tool
