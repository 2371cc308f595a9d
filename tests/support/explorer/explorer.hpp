#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "support/explorer/execution.hpp"
#include "support/explorer/model_atomics.hpp"

// The schedule explorer: runs a small concurrent program under every schedule and every value that the C++20
// memory model lets a load return. README.md beside this file is the manual.

namespace basalt::explorer {

enum class Mode {
  exhaustive,  // every execution, once
  random,      // `max_executions` executions drawn at random from `seed`
};

/// One memory order made weaker: the whole of a mutant.
struct Weakening {
  Site site;
  Kind kind{};
  bool of_failure = false;  // the failure order of a compare-exchange
  std::memory_order from{};
  std::memory_order to{};
};

inline constexpr unsigned kUnbounded = ~0U;

struct Options {
  Mode mode = Mode::exhaustive;
  std::uint64_t max_executions = 1'000'000;
  std::uint64_t seed = 1;             // of random mode
  unsigned preemptions = kUnbounded;  // switches away from a thread that could have gone on
  unsigned max_operations = 400;      // in one execution: more is reported as "no progress"
  unsigned spurious_failures = 1;     // per thread and execution, of compare_exchange_weak
  std::vector<Weakening> weakenings = {};
  std::vector<std::string> weakened_files = {};  // mutants are made of orders in these only; empty: in all
  std::function<void(const Execution&)> observe = {};  // called after every complete execution
};

struct Result {
  std::uint64_t executions = 0;  // run to their end
  std::uint64_t redundant = 0;   // cut short, because every continuation was explored elsewhere
  bool complete = false;         // every execution was seen: a pass is a proof within the model
  bool failed = false;
  std::string failure = {};        // one sentence
  std::string trace = {};          // the failing execution as a table
  std::uint64_t failing_seed = 0;  // random mode: `seed` with `max_executions = 1` that fails in the same way

  /// Returns: all executions were seen and none failed.
  [[nodiscard]] bool holds() const { return complete && !failed; }
  /// Returns: the counts and, after a failure, the sentence, the seed and the table.
  [[nodiscard]] std::string report() const;
};

using Body = std::function<void(Execution&)>;

/// Effects: calls `body` once per execution until all were seen, one failed, or a bound was hit.
/// Requires: `body` is deterministic but for what the model decides, and owns no heap memory (an execution
/// may be abandoned anywhere, without destructors: see Execution::make).
Result explore(const Options& options, const Body& body);
inline Result explore(const Body& body) { return explore(Options{}, body); }

}  // namespace basalt::explorer
