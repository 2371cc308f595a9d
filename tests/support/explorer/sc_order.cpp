#include "support/explorer/sc_order.hpp"

#include <cstdio>
#include <cstdlib>

#include "support/explorer/memory.hpp"

namespace basalt::explorer {
namespace {

// An access and where it stands in the modification order of its location.
struct Standing {
  int place;
  bool writes;
};

// Coherence order of two accesses to one location: a write comes before those that read from it.
bool is_before(Standing a, Standing b) {
  return a.place < b.place || (a.place == b.place && a.writes && !b.writes);
}

// A and everything up to its first successor: A strongly happens before B needs a step of A's own thread
// after A, unless it is the same thread. (Direct synchronization of two seq_cst operations is a coherence
// edge anyway.)
bool strongly_happens_before(const ScEvent& a, const ScEvent& b) {
  if (a.thread == b.thread) return true;
  return b.before[a.thread] > a.after[a.thread];
}

bool happens_before(const ScEvent& a, const ScEvent& b) { return b.after[a.thread] >= a.after[a.thread]; }

bool is_acyclic(const std::vector<std::uint64_t>& rows) {
  std::uint64_t left = rows.size() == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << rows.size()) - 1;
  for (bool changed = true; changed && left != 0;) {
    changed = false;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::uint64_t bit = std::uint64_t{1} << i;
      if ((left & bit) == 0 || (rows[i] & left) != 0) continue;
      left &= ~bit;
      changed = true;
    }
  }
  return left == 0;
}

}  // namespace

void ScOrder::reset() {
  events_.clear();
  nodes_.clear();
  rows_.clear();
  has_fences_ = false;
}

bool ScOrder::is_concerned(const ScEvent& event) const {
  if (event.thread == kBody) return false;  // before or after all concurrency: always first or last
  return event.is_seq_cst || has_fences_;
}

bool ScOrder::admits(const ScEvent& event) const {
  if (!is_concerned(event) || nodes_.empty()) return true;
  trial_ = rows_;
  add_edges(trial_, event);
  return is_acyclic(trial_);
}

void ScOrder::add(const ScEvent& event) {
  if (event.thread == kBody || (event.is_fence && !event.is_seq_cst)) return;
  if (is_concerned(event)) add_edges(rows_, event);
  events_.push_back(event);
  if (!event.is_seq_cst) return;
  if (nodes_.size() == kMaxNodes) {
    std::fputs("explorer: more than 64 seq_cst operations in one execution\n", stderr);
    std::abort();
  }
  nodes_.push_back(events_.size() - 1);
  has_fences_ = has_fences_ || event.is_fence;
}

// The event is the latest of the execution, so nothing happens after it: all new edges have it at one end, or
// run from a fence that happens before it.
void ScOrder::add_edges(std::vector<Row>& rows, const ScEvent& event) const {
  if (has_fences_ && !event.is_fence) {
    for (std::size_t f = 0; f < nodes_.size(); ++f) {
      const ScEvent& fence = events_[nodes_[f]];
      if (!fence.is_fence || !happens_before(fence, event)) continue;
      for (std::size_t b = 0; b < nodes_.size(); ++b) {
        if (is_coherent_before(event, events_[nodes_[b]])) rows[f] |= Row{1} << b;
      }
    }
  }
  if (event.is_seq_cst) add_own_edges(rows, event);
}

void ScOrder::add_own_edges(std::vector<Row>& rows, const ScEvent& event) const {
  const std::size_t self = rows.size();
  Row after = 0;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const ScEvent& other = events_[nodes_[i]];
    if (leads_to(other, event)) rows[i] |= Row{1} << self;
    if (!event.is_fence && is_coherent_before(event, other)) after |= Row{1} << i;
  }
  rows.push_back(after);
}

// `a` is in the order already, `b` comes new.
bool ScOrder::leads_to(const ScEvent& a, const ScEvent& b) const {
  if (strongly_happens_before(a, b)) return true;
  if (!a.is_fence) return is_coherent_before(a, b);
  for (const ScEvent& event : events_) {
    if (!event.is_fence && happens_before(a, event) && is_coherent_before(event, b)) return true;
  }
  return false;
}

// The access is coherence-ordered before the node, or, if the node is a fence, before an event that happens
// before the fence. The latest message known to a fence counts as read by it.
bool ScOrder::is_coherent_before(const ScEvent& access, const ScEvent& node) const {
  const Standing self{place(access), access.writes};
  if (node.is_fence) {
    return is_before(self, {memory_.place(access.location, node.frontier[access.location]), false});
  }
  return access.location == node.location && is_before(self, {place(node), node.writes});
}

int ScOrder::place(const ScEvent& event) const {
  return event.message == kNoMessage ? event.place : memory_.place(event.location, event.message);
}

}  // namespace basalt::explorer
