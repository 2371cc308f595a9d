// What a program could do about its memory, each with the figures that speak for it.
#include <fmt/format.h>

#include <algorithm>

#include "console.hpp"
#include "report.hpp"

namespace basalt::tool {

namespace {

using analysis::Site;

constexpr double least_share = 0.02;  // of all allocations: what is less is not worth a reader's time

[[nodiscard]] double share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

[[nodiscard]] std::string percent(double part) { return fmt::format("{:.0f} %", 100 * part); }

void advise_reserve(const NamedSite& named, const analysis::Findings& found, std::vector<Advice>& all) {
  const Site& site = named.site;
  const double part = share(site.steps, found.allocated.count);
  if (site.longest_steps < 4 || (part < least_share && site.copied < found.allocated.bytes / 50)) return;
  all.push_back({fmt::format("reserve: {}", named.name),
                 fmt::format("its blocks grow, {} times in all and one of them {} times, up to {}; {} may "
                             "have been copied for that",
                             count_text(site.steps), site.longest_steps, bytes_text(site.largest),
                             bytes_text(site.copied)),
                 std::max(part, share(site.copied, found.allocated.bytes))});
}

// Blocks of one size that come and go: a list of free ones would serve them, or the stack.
void advise_pool(const NamedSite& named, const analysis::Findings& found, std::vector<Advice>& all) {
  const Site& site = named.site;
  const double part = share(site.allocated.count, found.allocated.count),
               brief = share(site.brief.count, site.allocated.count);
  if (part < 2 * least_share || brief < 0.9) return;
  const bool one_size = site.same_size != UINT64_MAX;
  all.push_back(
      {fmt::format("{}: {}", one_size ? "pool, or a local variable" : "a buffer that is kept", named.name),
       fmt::format("{} of all allocations are made there{}, and {} of those are freed within {} allocations",
                   percent(part),
                   one_size ? fmt::format(", all of {} bytes", site.same_size)
                            : fmt::format(", of up to {} bytes", site.largest),
                   percent(brief), analysis::short_life),
       part * brief});
}

// Many blocks of which none is freed by itself before the end: they could lie side by side, without a size of their own each.
void advise_arena(const NamedSite& named, const analysis::Findings& found, std::vector<Advice>& all) {
  const Site& site = named.site;
  const double part = share(site.left.count, found.allocated.count);
  if (site.left.count < 1000 || part < least_share || share(site.left.count, site.allocated.count) < 0.9)
    return;
  all.push_back({fmt::format("arena: {}", named.name),
                 fmt::format("{} blocks of {} bytes on average are made there, and {} of them are never "
                             "freed: one that is given up at once serves them",
                             count_text(site.allocated.count), site.allocated.bytes / site.allocated.count,
                             percent(share(site.left.count, site.allocated.count))),
                 part});
}

void advise_pages(const Report& report, std::vector<Advice>& all) {
  const analysis::Fragmentation& pages = report.findings.fragmentation;
  const double part = share(pages.sparse_pages, pages.pages);
  if (!pages.known || part < 0.2) return;
  const auto worst = std::max_element(
      report.sites.begin(), report.sites.end(),
      [](const NamedSite& a, const NamedSite& b) { return a.site.pinned.count < b.site.pinned.count; });
  if (worst == report.sites.end() || worst->site.pinned.count == 0) return;
  all.push_back({fmt::format("allocate early, or apart: {}", worst->name),
                 fmt::format("{} of the pages that hold blocks are less than a quarter full, and {} of them "
                             "only because of what is allocated there",
                             percent(part), count_text(worst->site.pinned.count)),
                 part});
}

}  // namespace

std::vector<Advice> advice_for(const Report& report) {
  std::vector<Advice> all;
  for (const NamedSite& named : report.sites) {
    if (!report.has_stacks) break;
    advise_reserve(named, report.findings, all);
    advise_pool(named, report.findings, all);
    advise_arena(named, report.findings, all);
  }
  advise_pages(report, all);
  std::stable_sort(all.begin(), all.end(),
                   [](const Advice& a, const Advice& b) { return a.weight > b.weight; });
  if (all.size() > 8) all.resize(8);
  return all;
}

}  // namespace basalt::tool
