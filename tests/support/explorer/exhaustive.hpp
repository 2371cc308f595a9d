#pragma once

#include <array>
#include <vector>

#include "support/explorer/execution.hpp"

namespace basalt::explorer {

/// Depth-first search over all executions, by running the body again with the choices of the path replayed.
///
/// Two schedules that give the same execution graph (who reads from what, and the modification orders) are
/// one execution. Since a load may return an old value, "read, then write" is also found by "write, then read
/// the old value": only reading *from* a write forces an order. This makes two reductions strong:
///
///  - *Persistent sets*: the next operations of a set of threads are enough if no thread outside the set may
///  later
///    write what one of them is about to read. A store or a fence alone is such a set. Who may write what,
///    and up to which of its operations, is learnt on the way; when the knowledge grows, the search starts
///    afresh, so that the last search rests on knowledge that no execution contradicts.
///  - *Sleep sets*: a thread whose next operation was already tried before another thread's goes to sleep. It
///  wakes
///    for the messages only that are written later.
class Exhaustive : public Strategy {
 public:
  /// `preemptions`: how often a thread that could go on may lose its turn; kUnbounded for no bound. A bound
  /// switches both reductions off, since they trade one schedule for another with more switches.
  explicit Exhaustive(unsigned preemptions) : preemptions_(preemptions) {}

  bool choose(const Execution& run, Choice& choice) override;

  /// What to do after an execution.
  enum class Next { execution, fresh_search, nothing };
  Next advance();

 private:
  using Threads = unsigned;  // a set
  static constexpr Threads bit(ThreadId thread) { return 1U << thread; }
  static constexpr Threads kAll = (1U << kMaxThreads) - 1;
  // Per thread, how many messages existed when its next operation was tried: only later ones are news. 0:
  // awake.
  using Sleep = std::array<std::uint32_t, kMaxThreads>;
  struct Node {
    ThreadId running = kBody;   // who did the operation before this one
    std::uint32_t written = 0;  // messages that existed here
    bool could_go_on = false;   // `running` could
    unsigned preempted = 0;     // threads that could go on and did not, on the way here
    Sleep asleep{};
    std::vector<Choice> choices = {};
    std::size_t taken = 0;
  };

  bool extend(const Execution& run);
  [[nodiscard]] Sleep sleep_below(const Node& node) const;
  [[nodiscard]] unsigned preempted_below(const Node& node) const;
  [[nodiscard]] Threads worth_trying(const Execution& run) const;
  [[nodiscard]] Threads close(const Execution& run, Threads set) const;
  [[nodiscard]] Threads within_bound(const Execution& run, const Node& node) const;
  [[nodiscard]] bool may_write_what_is_read(const Execution& run, ThreadId writer, Threads readers) const;
  void learn_writer(const Execution& run, ThreadId thread);

  unsigned preemptions_;
  std::vector<Node> path_;
  std::size_t depth_ = 0;
  // last_write_[t][x]: 1 + the greatest number of operations thread t had done when it tried to write x; 0:
  // never.
  std::array<std::array<unsigned, kMaxThreads * kMaxLocations>, kMaxThreads> last_write_{};
  bool learnt_ = false;
};

}  // namespace basalt::explorer
