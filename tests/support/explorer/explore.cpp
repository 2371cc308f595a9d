#include "support/explorer/exhaustive.hpp"
#include "support/explorer/explorer.hpp"
#include "support/explorer/trace.hpp"

namespace basalt::explorer {
namespace {

/// Draws every decision from a generator: a seed is an execution.
class Random : public Strategy {
 public:
  void start(std::uint64_t seed) { state_ = seed; }

  bool choose(const Execution& run, Choice& choice) override {
    std::array<ThreadId, kMaxThreads> enabled{};
    std::size_t count = 0;
    for (ThreadId thread = 1; thread < kMaxThreads; ++thread) {
      if (run.is_enabled(thread)) enabled[count++] = thread;
    }
    const ThreadId thread = enabled[draw(count)];
    choices_.clear();
    run.memory().choices(thread, run.next(thread), 0, choices_);
    choice = choices_[draw(choices_.size())];
    return true;
  }

 private:
  // splitmix64: neighbouring seeds give unrelated streams.
  std::size_t draw(std::size_t below) {
    state_ += 0x9E3779B97F4A7C15U;
    std::uint64_t mixed = (state_ ^ (state_ >> 30)) * 0xBF58476D1CE4E5B9U;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBU;
    return static_cast<std::size_t>((mixed ^ (mixed >> 31)) % below);
  }

  std::uint64_t state_ = 0;
  std::vector<Choice> choices_;
};

/// One exploration: counts executions and keeps the first failure.
class Exploration {
 public:
  Exploration(const Options& options, const Body& body) : options_(options), body_(body) {}

  Result exhaustive() {
    Exhaustive search(options_.preemptions);
    for (std::uint64_t i = 0; i < options_.max_executions; ++i) {
      if (!execute(search)) return result_;
      const Exhaustive::Next next = search.advance();
      if (next == Exhaustive::Next::nothing) {
        result_.complete = options_.preemptions == kUnbounded;
        return result_;
      }
      if (next == Exhaustive::Next::fresh_search) result_ = {};
    }
    return result_;
  }

  Result random() {
    Random strategy;
    for (std::uint64_t i = 0; i < options_.max_executions; ++i) {
      result_.failing_seed = options_.seed + i;
      strategy.start(result_.failing_seed * 0xD1342543DE82EF95U);
      if (!execute(strategy)) return result_;
    }
    result_.failing_seed = 0;
    return result_;
  }

 private:
  // Returns: it did not fail.
  bool execute(Strategy& strategy) {
    switch (run_.execute(options_, body_, strategy)) {
      case Execution::End::complete:
        ++result_.executions;
        if (options_.observe) options_.observe(run_);
        return true;
      case Execution::End::redundant:
        ++result_.redundant;
        return true;
      case Execution::End::failed:
        break;
    }
    result_.failed = true;
    result_.failure = run_.failure();
    result_.trace = show_execution(run_);
    return false;
  }

  const Options& options_;
  const Body& body_;
  Execution run_;
  Result result_;
};

}  // namespace

Result explore(const Options& options, const Body& body) {
  Exploration exploration(options, body);
  return options.mode == Mode::random ? exploration.random() : exploration.exhaustive();
}

std::string Result::report() const {
  std::string text = std::to_string(executions) + " executions, " + std::to_string(redundant) +
                     " redundant, " +
                     (complete ? "complete"
                      : failed ? "stopped at a failure"
                               : "not complete: bound hit") +
                     "\n";
  if (!failed) return text;
  text += "FAILED: " + failure + "\n";
  if (failing_seed != 0)
    text += "replay with mode = random, max_executions = 1, seed = " + std::to_string(failing_seed) + "\n";
  return text + trace;
}

}  // namespace basalt::explorer
