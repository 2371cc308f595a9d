#pragma once

#include <array>
#include <string>
#include <vector>

#include "support/explorer/operation.hpp"
#include "support/explorer/sc_order.hpp"

namespace basalt::explorer {

/// The C++20 memory model as a machine.
///
/// Each location keeps every message ever written to it, in modification order. Each thread has a *view*: the
/// latest message it knows per location. A load may return any message not older than the view; a store may
/// go anywhere in modification order after it, but never between a read-modify-write and what it read.
/// Acquiring reads join the view that a release attached to the message; that is all that synchronizing
/// means.
///
/// Beside the view travels a clock (happens-before), which finds data races on plain data. The total order of
/// the seq_cst operations is not simulated but checked: see ScOrder.
///
/// Laws, checked by the litmus tests:
///  - per location, ranks are 0..n-1 without gaps, and a read-modify-write's message has the rank after the
///    message it read;
///  - a thread's view only grows; a message's knowledge never changes after it was written.
class Memory {
 public:
  Memory() : sc_(*this) {}
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  struct Message {
    Value value = 0;
    MessageId rank = 0;            // place in modification order
    bool follows_read = false;     // written by a read-modify-write: nothing may come between
    std::uint32_t written_at = 0;  // how many messages existed when it was written, in all locations
    Knowledge carries;             // what an acquiring reader learns
  };
  struct Location {
    std::vector<Message> messages;  // in order of execution
    ThreadId creator = kBody;
    std::uint16_t created_at = 0;  // the creator's clock
    std::uint16_t stable_key = 0;  // the same in every execution that creates it: creator and ordinal
    Show show = nullptr;
    std::string name;
  };

  /// Effects: forgets everything; no threads but the body, no locations.
  void reset();

  /// Effects: a new location with one message. The construction itself is not atomic: an access that does not
  /// happen after it is a data race.
  LocationId create(ThreadId creator, Value initial, Show show);

  /// Effects: the child starts knowing what the body knows; or the body learns what the child knew at its
  /// end.
  void fork(ThreadId child);
  void join(ThreadId child);

  /// Effects: appends to `out` every way in which `operation` may happen now. Ways that read a message
  /// written before `horizon` are left out.
  void choices(ThreadId thread, const Operation& operation, std::uint32_t horizon,
               std::vector<Choice>& out) const;

  /// Effects: lets the operation happen in the chosen way.
  /// Requires: the choice comes from choices(), now. (A pause touches no memory and does not come here.)
  Event perform(const Operation& operation, const Choice& choice);

  /// Effects: a non-atomic access: advances the thread's clock, which it returns.
  const Clock& tick(ThreadId thread);

  /// Returns: a message of `location` later in modification order than what the thread knows exists and has a
  /// value other than `value`.
  [[nodiscard]] bool has_news(ThreadId thread, LocationId location, Value value) const;

  /// Returns: the thread may touch the location: its construction happened before.
  [[nodiscard]] bool is_constructed_for(ThreadId thread, LocationId location) const;

  /// Returns: where a message stands in modification order, in steps of two, so that there is a place
  /// between.
  [[nodiscard]] int place(LocationId location, MessageId message) const {
    return 2 * locations_[location].messages[message].rank + 2;
  }

  [[nodiscard]] std::uint32_t written() const { return written_; }
  [[nodiscard]] const Location& at(LocationId id) const { return locations_[id]; }
  [[nodiscard]] Location& at(LocationId id) { return locations_[id]; }
  [[nodiscard]] std::size_t locations() const { return count_; }

 private:
  struct Thread {
    Knowledge now;
    Knowledge pending;   // attached to what was read relaxed: learnt at the next acquire fence
    Knowledge released;  // known at the last release fence: attached to what is written relaxed
  };

  void add_reads(ThreadId thread, const Operation& operation, std::uint32_t horizon,
                 std::vector<Choice>& out) const;
  void add_writes(ThreadId thread, const Operation& operation, std::vector<Choice>& out) const;
  void add_choice(const Operation& operation, const Choice& choice, std::vector<Choice>& out) const;
  [[nodiscard]] bool is_taken(const Location& location, MessageId rank) const;
  [[nodiscard]] MessageId known_rank(ThreadId thread, LocationId location) const;
  [[nodiscard]] ScEvent order_event(const Operation& operation, const Choice& choice) const;

  void read(Thread& thread, LocationId location, MessageId message, std::memory_order order);
  void write(ThreadId thread, const Operation& operation, const Choice& choice, Value value);
  void fence(Thread& thread, std::memory_order order);
  void learn(Knowledge& to, const Knowledge& from) const;

  std::array<Thread, kMaxThreads> threads_;
  std::array<Location, kMaxLocations> locations_;
  std::size_t count_ = 0;
  std::array<std::uint16_t, kMaxThreads> created_by_{};
  std::uint32_t written_ = 0;
  ScOrder sc_;
};

/// Returns: what an update writes after it read `old`.
Value updated(const Operation& operation, Value old);

}  // namespace basalt::explorer
