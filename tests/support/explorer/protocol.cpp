#include "support/explorer/protocol.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <string_view>

#include "support/explorer/mutants.hpp"
#include "support/explorer/trace.hpp"

namespace basalt::explorer {
namespace {

constexpr std::string_view page = BASALT_SOURCE_DIR "/docs/reference/races.md";

std::string with_commas(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

std::string shown(const std::vector<std::string>& files) {
  std::string text;
  for (const std::string& file : files) {
    if (file.starts_with("src/")) text += (text.empty() ? "`" : ", `") + file + "`";
  }
  return text;
}

// What became of the mutants of all scenarios together.
class Tally {
 public:
  // Returns: whether no scenario has caught it yet.
  bool is_at_large(const Mutant& mutant) {
    const Weakening& weakening = mutant.weakening;
    orders_[show_site(weakening.site) + show_kind(weakening.kind) + (weakening.of_failure ? "!" : "") +
            show_order(weakening.from)] = show_order(weakening.from);
    return !caught_[mutant.text()];
  }
  void note(const Mutant& mutant) { caught_[mutant.text()] = mutant.caught; }

  [[nodiscard]] std::string problems(std::span<const Argued> argued) const {
    std::string text;
    std::vector<bool> survives(argued.size());
    for (const auto& [mutant, caught] : caught_) {
      if (caught) continue;
      const auto one = std::ranges::find_if(argued, [&mutant = mutant](const Argued& it) {
        return mutant.starts_with(it.file) && mutant.ends_with(it.weakened);
      });
      if (one == argued.end()) text += mutant + " survived\n";
      if (one != argued.end()) survives[static_cast<std::size_t>(one - argued.begin())] = true;
    }
    for (std::size_t i = 0; i < argued.size(); ++i)
      if (!survives[i]) text += std::string{argued[i].file} + " " + argued[i].weakened + " is caught now\n";
    return text;
  }

  [[nodiscard]] std::string caught() const {
    const auto count = std::ranges::count_if(caught_, [](const auto& mutant) { return mutant.second; });
    return std::to_string(count) + " of " + std::to_string(caught_.size());
  }

  // Returns: for example "2 acquire, 1 release".
  [[nodiscard]] std::string orders() const {
    std::map<std::string, unsigned> counts;
    for (const auto& [site, order] : orders_) ++counts[order];
    std::string text;
    for (const auto& [order, count] : counts)
      text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + order;
    return text.empty() ? "relaxed only" : text;
  }

 private:
  std::map<std::string, bool> caught_;
  std::map<std::string, std::string> orders_;
};

}  // namespace

Findings explore_protocol(const Protocol& protocol) {
  Findings findings;
  Tally tally;
  std::uint64_t executions = 0;
  for (const Scenario& scenario : protocol.scenarios) {
    Options options{.preemptions = scenario.preemptions, .weakened_files = protocol.files};
    const Survey found = survey(options, scenario.body);
    options.max_executions = protocol.executions_per_mutant;
    const bool holds = scenario.preemptions == kUnbounded ? found.baseline.holds() : !found.baseline.failed;
    if (!holds) findings.problems += std::string{scenario.name} + ": " + found.baseline.report();
    executions += found.baseline.executions;
    for (const Weakening& weakening : found.weakenings) {
      if (tally.is_at_large({.weakening = weakening, .result = {}}))
        tally.note(explore_mutant(options, weakening, scenario.body));
    }
  }
  findings.problems += tally.problems(protocol.argued);
  findings.row = std::string{"| "} + protocol.name + " | " + shown(protocol.files) + " | " + tally.orders() +
                 " | " + std::to_string(protocol.scenarios.size()) + " | " + with_commas(executions) + " | " +
                 tally.caught() + " |";
  return findings;
}

bool races_page_has(const std::string& row) {
  std::ifstream file{std::string{page}};
  for (std::string line; std::getline(file, line);) {
    if (line == row) return true;
  }
  return false;
}

}  // namespace basalt::explorer
