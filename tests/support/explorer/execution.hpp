#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "support/explorer/fiber.hpp"
#include "support/explorer/memory.hpp"

namespace basalt::explorer {

struct Options;
class Execution;

/// Decides what happens next; the explorer's modes differ in this alone.
class Strategy {
 public:
  virtual ~Strategy() = default;
  /// Effects: picks one choice of one thread that can run. Returns false if going on would be redundant.
  virtual bool choose(const Execution& run, Choice& choice) = 0;
};

/// Data that the protocol shares without atomics. Holds no value: only who touched it last, to find races.
struct PlainHistory {
  Clock reads{};
  Clock writes{};
};

/// One execution of the body.
class Execution {
 public:
  /// Effects: runs the bodies as threads, to their end. What the caller did before happens before them; they
  /// happen before what it does afterwards.
  /// Requires: at most four bodies; called once.
  template <class... Bodies>
  void threads(Bodies&&... bodies) {
    static_assert(sizeof...(Bodies) < kMaxThreads,
                  "the explorer is made for two or three threads, four at most");
    (add_thread(std::forward<Bodies>(bodies)), ...);
    run_threads();
  }

  /// Returns: a T that lives until the end of the execution. Its destructor is not called.
  template <class T, class... Args>
  T& make(Args&&... args) {
    return *new (allocate(sizeof(T), alignof(T))) T(std::forward<Args>(args)...);
  }

  // For the modelled atomics.

  static Execution& current();
  LocationId create(Value initial, Show show);
  void name(LocationId location, const char* name) { memory_.at(location).name = name; }
  Event perform(Operation operation);
  void pause(Site site);
  void plain_access(PlainHistory& history, Kind kind, Site site);
  /// Effects: ends the execution as failed, with the text, or with what failure() says already.
  [[noreturn]] void fail(const char* text = nullptr);

  // For strategies.

  enum class Status { absent, starting, ready, parked, done };

  [[nodiscard]] bool is_live(ThreadId thread) const;
  /// Returns: the thread has an operation to do and is not waiting for another thread's write.
  [[nodiscard]] bool is_enabled(ThreadId thread) const;
  /// Requires: is_live(thread).
  [[nodiscard]] const Operation& next(ThreadId thread) const { return threads_[thread].next; }
  /// Returns: how many operations the thread has done.
  [[nodiscard]] unsigned done(ThreadId thread) const { return threads_[thread].operations; }
  [[nodiscard]] ThreadId running() const { return running_; }
  [[nodiscard]] const Memory& memory() const { return memory_; }

  // For the explorer.

  enum class End { complete, redundant, failed };

  Execution();
  Execution(const Execution&) = delete;
  Execution& operator=(const Execution&) = delete;
  /// Effects: one execution of `body`.
  End execute(const Options& options, const std::function<void(Execution&)>& body, Strategy& strategy);
  [[nodiscard]] const std::vector<Event>& events() const { return events_; }
  [[nodiscard]] const std::string& failure() const { return failure_; }

 private:
  struct Glance {  // one operation of a turn in a waiting loop
    Kind kind;
    LocationId location;
    Value read, written;
    bool spurious;
    bool operator==(const Glance&) const = default;
  };
  struct Thread {
    std::unique_ptr<Fiber> fiber;
    std::function<void()> body;
    Status status = Status::absent;
    Operation next;
    unsigned operations = 0;
    unsigned spurious_failures = 0;
    std::vector<Glance> turn;       // what the thread saw since its last pause()
    std::vector<Glance> last_turn;  // and between the two before that
  };

  void add_thread(std::function<void()> body);
  void run_threads();
  void run_body_thread(ThreadId thread);
  static void enter_body(void* run);
  static void enter_thread(void* run);
  void dispatch();
  Event perform_alone(const Operation& operation);
  void require_constructed(LocationId location);
  [[nodiscard]] bool sees_news(ThreadId thread) const;
  [[noreturn]] void report_stuck();
  [[noreturn]] void abandon(End end);
  void switch_to(ThreadId thread);
  [[nodiscard]] std::memory_order weakened(const Operation& operation, std::memory_order order,
                                           bool failure) const;
  void* allocate(std::size_t bytes, std::size_t alignment);

  Fiber host_;
  std::array<Thread, kMaxThreads> threads_;
  std::size_t count_ = 1;  // threads, the body included
  ThreadId running_ = kBody;
  bool concurrent_ = false;  // between the start of the first thread and the end of the last
  Choice choice_;            // what the strategy chose for the thread that is switched to

  Memory memory_;
  std::vector<Event> events_;
  const Options* options_ = nullptr;
  const std::function<void(Execution&)>* body_ = nullptr;
  Strategy* strategy_ = nullptr;
  End end_ = End::complete;
  std::string failure_;

  static constexpr std::size_t kArenaBytes = 1U << 18;
  std::unique_ptr<std::byte[]> arena_;
  std::size_t arena_used_ = 0;
};

/// Effects: ends the exploration with a failing trace if the condition does not hold.
void require(bool condition, const char* text);

}  // namespace basalt::explorer
