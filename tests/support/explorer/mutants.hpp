#pragma once

#include <string>
#include <vector>

#include "support/explorer/explorer.hpp"

namespace basalt::explorer {

/// One memory order of the program, weakened by one step, and what became of it.
struct Mutant {
  Weakening weakening;
  bool caught = false;
  Result result;

  /// Returns: for example "protocol.hpp:31 store release -> relaxed".
  [[nodiscard]] std::string text() const;
};

struct MutantReport {
  Result baseline;  // without a mutation: must hold
  std::vector<Mutant> mutants;

  /// Returns: how many mutants no execution noticed. Either the order is stronger than needed or the body
  /// does not look closely enough.
  [[nodiscard]] std::size_t survivors() const;
  [[nodiscard]] bool all_caught() const { return baseline.holds() && survivors() == 0; }
  /// Returns: a table, one line per mutant: caught or SURVIVED, where, and by which failure.
  [[nodiscard]] std::string text() const;
};

struct Survey {
  Result baseline;
  std::vector<Weakening> weakenings;  // of every order that was used, in the order of the source
};

/// Effects: explores the body as it is, and notes in which ways its orders could be weakened.
Survey survey(const Options& options, const Body& body);

/// Effects: explores the body with one order weakened.
Mutant explore_mutant(const Options& options, const Weakening& weakening, const Body& body);

/// Effects: explores the body as it is, collects every memory order that it used, and explores it again once
/// per order and weaker neighbour: seq_cst to acq_rel (acquire for loads, release for stores), acq_rel to
/// acquire and to release, acquire and release to relaxed. One step is enough: what a step lets happen, a
/// longer one does too.
///
/// An order is known by its line, operation and value: put two equal operations on two lines.
MutantReport weaken_each(const Options& options, const Body& body);
inline MutantReport weaken_each(const Body& body) { return weaken_each(Options{}, body); }

}  // namespace basalt::explorer
