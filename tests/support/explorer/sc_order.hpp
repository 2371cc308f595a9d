#pragma once

#include <cstdint>
#include <vector>

#include "support/explorer/operation.hpp"

namespace basalt::explorer {

class Memory;

/// An event as the order of seq_cst operations sees it. `place` is where it stands in its location's
/// modification order: twice the rank for existing messages, odd for a message about to be inserted.
struct ScEvent {
  ThreadId thread = kBody;
  bool is_seq_cst = false;
  bool is_fence = false;
  bool writes = false;
  LocationId location = 0;
  MessageId message = kNoMessage;  // read or written; kNoMessage while it is only being considered
  int place = 0;
  Clock before{};   // what the thread knew before the event
  Clock after{};    // and after it
  View frontier{};  // of a fence: the latest message of each location known after it
};

/// The total order S of all seq_cst operations, as an axiom: an event is admitted if S still exists with it.
///
/// S must contain, between seq_cst operations and fences A and B (C++20 [atomics.order] 3 and 4):
///  - A before B if A strongly happens before B;
///  - A before B if A, or an event that fence A happens before, is coherence-ordered before B, or before an
///    event that happens before fence B.
/// S exists if these edges have no cycle. Nothing else is demanded: in particular S need not follow the order
/// of execution, and plain happens-before through a non-seq_cst operation does not count, as in C++20 (and
/// unlike C++11, which forbids more).
class ScOrder {
 public:
  explicit ScOrder(const Memory& memory) : memory_(memory) {}

  void reset();
  [[nodiscard]] bool admits(const ScEvent& event) const;
  /// Requires: admits(event), and that its message is now in place.
  void add(const ScEvent& event);

 private:
  using Row = std::uint64_t;  // a set of seq_cst events
  static constexpr std::size_t kMaxNodes = 64;

  [[nodiscard]] bool is_concerned(const ScEvent& event) const;
  void add_edges(std::vector<Row>& rows, const ScEvent& event) const;
  void add_own_edges(std::vector<Row>& rows, const ScEvent& event) const;
  [[nodiscard]] bool leads_to(const ScEvent& a, const ScEvent& b) const;
  [[nodiscard]] bool is_coherent_before(const ScEvent& access, const ScEvent& node) const;
  [[nodiscard]] int place(const ScEvent& event) const;

  const Memory& memory_;            // asked for the present rank of messages
  std::vector<ScEvent> events_;     // every access, and every seq_cst fence
  std::vector<std::size_t> nodes_;  // those of events_ that are seq_cst
  std::vector<Row> rows_;           // rows_[i]: the nodes that must come after node i
  bool has_fences_ = false;
  mutable std::vector<Row> trial_;
};

}  // namespace basalt::explorer
