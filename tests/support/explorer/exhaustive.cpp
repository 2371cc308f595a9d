#include "support/explorer/exhaustive.hpp"

#include <bit>

#include "support/explorer/explorer.hpp"

namespace basalt::explorer {

bool Exhaustive::choose(const Execution& run, Choice& choice) {
  if (depth_ == path_.size() && !extend(run)) return false;
  const Node& node = path_[depth_++];
  choice = node.choices[node.taken];
  learn_writer(run, choice.thread);
  return true;
}

Exhaustive::Next Exhaustive::advance() {
  depth_ = 0;
  if (learnt_) {
    learnt_ = false;
    path_.clear();
    return Next::fresh_search;
  }
  while (!path_.empty()) {
    Node& node = path_.back();
    if (++node.taken < node.choices.size()) return Next::execution;
    path_.pop_back();
  }
  return Next::nothing;
}

bool Exhaustive::extend(const Execution& run) {
  Node node{.running = run.running(), .written = run.memory().written()};
  node.could_go_on = run.is_enabled(node.running);
  if (!path_.empty()) {
    node.asleep = sleep_below(path_.back());
    node.preempted = preempted_below(path_.back());
  }
  const Threads threads = preemptions_ == kUnbounded ? worth_trying(run) : within_bound(run, node);
  for (unsigned turn = 0; turn < kMaxThreads; ++turn) {  // whoever runs goes first: fewer switches
    const auto thread = static_cast<ThreadId>((node.running + turn) % kMaxThreads);
    if ((threads & bit(thread)) == 0 || !run.is_enabled(thread)) continue;
    run.memory().choices(thread, run.next(thread), node.asleep[thread], node.choices);
  }
  if (node.choices.empty()) return false;
  path_.push_back(std::move(node));
  return true;
}

Exhaustive::Sleep Exhaustive::sleep_below(const Node& node) const {
  Sleep asleep = node.asleep;
  const ThreadId taken = node.choices[node.taken].thread;
  if (preemptions_ == kUnbounded) {
    for (std::size_t i = 0; i < node.taken; ++i) asleep[node.choices[i].thread] = node.written;
  }
  asleep[taken] = 0;
  return asleep;
}

unsigned Exhaustive::preempted_below(const Node& node) const {
  const bool switched = node.choices[node.taken].thread != node.running;
  return node.preempted + (switched && node.could_go_on ? 1 : 0);
}

Exhaustive::Threads Exhaustive::within_bound(const Execution& run, const Node& node) const {
  return node.could_go_on && node.preempted >= preemptions_ ? bit(run.running()) : kAll;
}

// The smallest persistent set that contains a thread that can run.
Exhaustive::Threads Exhaustive::worth_trying(const Execution& run) const {
  Threads best = kAll;
  for (unsigned turn = 0; turn < kMaxThreads; ++turn) {
    const auto seed = static_cast<ThreadId>((run.running() + turn) % kMaxThreads);
    if (!run.is_enabled(seed)) continue;
    const Threads set = close(run, bit(seed));
    if (std::popcount(set) < std::popcount(best)) best = set;
    if (std::popcount(best) == 1) break;
  }
  return best;
}

// Adds every thread that may write what a thread of the set is about to read. A thread that waits cannot be
// tried, so a set that needs it stands for all threads.
Exhaustive::Threads Exhaustive::close(const Execution& run, Threads set) const {
  for (bool grown = true; grown;) {
    grown = false;
    for (ThreadId thread = 1; thread < kMaxThreads; ++thread) {
      if ((set & bit(thread)) != 0 || !run.is_live(thread)) continue;
      if (!may_write_what_is_read(run, thread, set)) continue;
      if (!run.is_enabled(thread)) return kAll;
      set |= bit(thread);
      grown = true;
    }
  }
  return set;
}

bool Exhaustive::may_write_what_is_read(const Execution& run, ThreadId writer, Threads readers) const {
  for (ThreadId reader = 1; reader < kMaxThreads; ++reader) {
    if ((readers & bit(reader)) == 0 || !reads(run.next(reader).kind)) continue;
    const unsigned key = run.memory().at(run.next(reader).location).stable_key;
    if (last_write_[writer][key] > run.done(writer)) return true;
  }
  return false;
}

void Exhaustive::learn_writer(const Execution& run, ThreadId thread) {
  const Operation& operation = run.next(thread);
  if (!may_write(operation.kind)) return;
  unsigned& last = last_write_[thread][run.memory().at(operation.location).stable_key];
  if (last > run.done(thread)) return;
  last = run.done(thread) + 1;
  learnt_ = true;
}

}  // namespace basalt::explorer
