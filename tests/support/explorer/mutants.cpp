#include "support/explorer/mutants.hpp"

#include <algorithm>
#include <string_view>

#include "support/explorer/trace.hpp"

namespace basalt::explorer {
namespace {

std::vector<std::memory_order> weaker_neighbours(Kind kind, std::memory_order order) {
  switch (order) {
    case std::memory_order_seq_cst:
      if (kind == Kind::load) return {std::memory_order_acquire};
      if (kind == Kind::store) return {std::memory_order_release};
      return {std::memory_order_acq_rel};
    case std::memory_order_acq_rel:
      return {std::memory_order_acquire, std::memory_order_release};
    case std::memory_order_relaxed:
      return {};
    default:
      return {std::memory_order_relaxed};
  }
}

std::vector<std::memory_order> weaker_failures(std::memory_order order) {
  return weaker_neighbours(Kind::load, order);
}

bool is_same(const Weakening& a, const Weakening& b) {
  return std::string_view(a.site.file) == b.site.file && a.site.line == b.site.line && a.kind == b.kind &&
         a.of_failure == b.of_failure && a.from == b.from && a.to == b.to;
}

/// All one-step weakenings of the orders that a body uses.
class Catalogue {
 public:
  explicit Catalogue(const std::vector<std::string>& files) : files_(files) {}

  void collect(const Execution& run) {
    for (const Event& event : run.events()) {
      const Operation& operation = event.operation;
      if (operation.kind >= Kind::pause || event.thread == kBody || !is_in_files(operation.site)) continue;
      for (const auto to : weaker_neighbours(operation.kind, operation.order)) {
        add({operation.site, operation.kind, false, operation.order, to});
      }
      if (!is_compare_exchange(operation.kind)) continue;
      for (const auto to : weaker_failures(operation.failure)) {
        add({operation.site, operation.kind, true, operation.failure, to});
      }
    }
  }

  /// Returns: them, in the order of the source.
  std::vector<Weakening> sorted() && {
    std::ranges::stable_sort(found_, [](const Weakening& a, const Weakening& b) {
      const std::string_view file = a.site.file;
      return file == b.site.file ? a.site.line < b.site.line : file < b.site.file;
    });
    return std::move(found_);
  }

 private:
  [[nodiscard]] bool is_in_files(Site site) const {
    const auto ends = [&](const std::string& file) { return std::string_view(site.file).ends_with(file); };
    return files_.empty() || std::ranges::any_of(files_, ends);
  }

  void add(const Weakening& weakening) {
    const auto same = [&](const Weakening& other) { return is_same(weakening, other); };
    if (!std::ranges::any_of(found_, same)) found_.push_back(weakening);
  }

  const std::vector<std::string>& files_;
  std::vector<Weakening> found_;
};

}  // namespace

Survey survey(const Options& options, const Body& body) {
  Survey found;
  Catalogue catalogue{options.weakened_files};
  Options observed = options;
  observed.observe = [&](const Execution& run) { catalogue.collect(run); };
  found.baseline = explore(observed, body);
  found.weakenings = std::move(catalogue).sorted();
  return found;
}

Mutant explore_mutant(const Options& options, const Weakening& weakening, const Body& body) {
  Options mutated = options;
  mutated.weakenings.push_back(weakening);
  Mutant mutant{.weakening = weakening, .result = explore(mutated, body)};
  mutant.caught = mutant.result.failed;
  return mutant;
}

MutantReport weaken_each(const Options& options, const Body& body) {
  Survey found = survey(options, body);
  MutantReport report{.baseline = std::move(found.baseline), .mutants = {}};
  for (const Weakening& weakening : found.weakenings)
    report.mutants.push_back(explore_mutant(options, weakening, body));
  return report;
}

std::string Mutant::text() const {
  return show_site(weakening.site) + " " + show_kind(weakening.kind) +
         (weakening.of_failure ? " on failure " : " ") + show_order(weakening.from) + " -> " +
         show_order(weakening.to);
}

std::size_t MutantReport::survivors() const {
  return static_cast<std::size_t>(std::ranges::count(mutants, false, &Mutant::caught));
}

std::string MutantReport::text() const {
  std::string text = "as written: " + baseline.report();
  for (const Mutant& mutant : mutants) {
    text += (mutant.caught ? "caught    " : "SURVIVED  ") + mutant.text();
    if (mutant.caught) text += "  (" + mutant.result.failure + ")";
    text += "\n";
  }
  return text;
}

}  // namespace basalt::explorer
