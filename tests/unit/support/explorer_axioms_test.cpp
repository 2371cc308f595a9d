// A second opinion on the explorer's memory model. The explorer is a machine with views; here the rules of C++20 are
// written down as relations, all candidate executions of random programs are enumerated, and those that obey the rules
// must have exactly the outcomes that the explorer finds. The two share no code.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <set>
#include <vector>

#include "support/explorer/explorer.hpp"

namespace basalt::explorer {
namespace {

using Order = std::memory_order;
constexpr Order kRelaxed = std::memory_order_relaxed;
constexpr Order kSeqCst = std::memory_order_seq_cst;
constexpr std::size_t kLocations = 2;
constexpr std::size_t kMaxEvents = 12;

enum class Verb { load, store, exchange, fence };

// One operation of the program. Every write has a value of its own; the initial values are 0.
struct Step {
  Verb verb;
  std::size_t thread;  // 0: the initial write of the location
  std::size_t location;
  Order order;
  int value;

  [[nodiscard]] bool reads() const { return verb == Verb::load || verb == Verb::exchange; }
  [[nodiscard]] bool writes() const { return verb == Verb::store || verb == Verb::exchange; }
  [[nodiscard]] bool is_fence() const { return verb == Verb::fence; }
  [[nodiscard]] bool acquires() const { return !is_store() && basalt::explorer::acquires(order); }
  [[nodiscard]] bool releases() const { return verb != Verb::load && basalt::explorer::releases(order); }
  [[nodiscard]] bool is_seq_cst() const { return order == kSeqCst; }

 private:
  [[nodiscard]] bool is_store() const { return verb == Verb::store; }
};

using Program = std::vector<Step>;  // the initial writes, then thread by thread
using Outcome = std::vector<int>;   // what each step read, then the final values

// A binary relation on the steps.
class Relation {
 public:
  void add(std::size_t a, std::size_t b) { rows_[a] |= 1U << b; }
  [[nodiscard]] bool has(std::size_t a, std::size_t b) const { return (rows_[a] >> b & 1U) != 0; }

  Relation operator|(const Relation& other) const {
    Relation result = *this;
    for (std::size_t i = 0; i < kMaxEvents; ++i) result.rows_[i] |= other.rows_[i];
    return result;
  }
  Relation operator*(const Relation& other) const {  // first this, then the other
    Relation result;
    for (std::size_t i = 0; i < kMaxEvents; ++i) {
      for (std::size_t j = 0; j < kMaxEvents; ++j) result.rows_[i] |= has(i, j) ? other.rows_[j] : 0;
    }
    return result;
  }
  [[nodiscard]] Relation closure() const {
    Relation result = *this;
    for (std::size_t k = 0; k < kMaxEvents; ++k) {
      for (std::size_t i = 0; i < kMaxEvents; ++i) result.rows_[i] |= result.has(i, k) ? result.rows_[k] : 0;
    }
    return result;
  }
  [[nodiscard]] bool is_irreflexive() const {
    for (std::size_t i = 0; i < kMaxEvents; ++i) {
      if (has(i, i)) return false;
    }
    return true;
  }

 private:
  std::array<unsigned, kMaxEvents> rows_{};
};

// A program with a guess at who reads from whom, and at the modification orders.
struct Candidate {
  const Program& program;
  std::vector<std::size_t> source = std::vector<std::size_t>(program.size());  // of each read
  std::array<std::vector<std::size_t>, kLocations> modifications = {};         // the writes of each location

  [[nodiscard]] Relation sequenced() const {
    Relation result;
    for (std::size_t a = 0; a < program.size(); ++a) {
      for (std::size_t b = a + 1; b < program.size(); ++b) {
        const bool initial = program[a].thread == 0 && program[b].thread != 0;
        if (initial || (program[a].thread != 0 && program[a].thread == program[b].thread)) result.add(a, b);
      }
    }
    return result;
  }
  [[nodiscard]] Relation reads_from() const {
    Relation result;
    for (std::size_t i = 0; i < program.size(); ++i) {
      if (program[i].reads()) result.add(source[i], i);
    }
    return result;
  }
  [[nodiscard]] Relation modification() const {
    Relation result;
    for (const auto& order : modifications) {
      for (std::size_t i = 0; i < order.size(); ++i) {
        for (std::size_t j = i + 1; j < order.size(); ++j) result.add(order[i], order[j]);
      }
    }
    return result;
  }
  [[nodiscard]] Relation from_read(const Relation& mo) const {
    Relation result;
    for (std::size_t r = 0; r < program.size(); ++r) {
      for (std::size_t w = 0; w < program.size(); ++w) {
        if (program[r].reads() && w != r && mo.has(source[r], w)) result.add(r, w);
      }
    }
    return result;
  }

  // From a release, or a release fence before a write, over the write's release sequence, to an acquire that reads from
  // it, or to an acquire fence after the read.
  [[nodiscard]] Relation synchronizes(const Relation& sb) const {
    Relation result;
    for (std::size_t r = 0; r < program.size(); ++r) {
      if (!program[r].reads()) continue;
      for (std::size_t w = source[r];; w = source[w]) {
        connect(w, r, sb, result);
        if (program[w].verb != Verb::exchange) break;
      }
    }
    return result;
  }
  void connect(std::size_t write, std::size_t read, const Relation& sb, Relation& result) const {
    for (std::size_t a = 0; a < program.size(); ++a) {
      if (!program[a].releases() || !(a == write || (program[a].is_fence() && sb.has(a, write)))) continue;
      for (std::size_t b = 0; b < program.size(); ++b) {
        if (program[b].acquires() && (b == read || (program[b].is_fence() && sb.has(read, b))))
          result.add(a, b);
      }
    }
  }

  // [atomics.order] 3 and 4: the edges that the order of seq_cst operations must have are free of cycles.
  [[nodiscard]] bool has_seq_cst_order(const Relation& shb, const Relation& hb, const Relation& eco) const {
    Relation edges;
    for (std::size_t a = 0; a < program.size(); ++a) {
      for (std::size_t b = 0; b < program.size(); ++b) {
        if (!program[a].is_seq_cst() || !program[b].is_seq_cst() || a == b) continue;
        const Relation from = program[a].is_fence() ? hb : identity();
        const Relation to = program[b].is_fence() ? hb : identity();
        if (shb.has(a, b) || (from * eco * to).has(a, b)) edges.add(a, b);
      }
    }
    return edges.closure().is_irreflexive();
  }
  static Relation identity() {
    Relation result;
    for (std::size_t i = 0; i < kMaxEvents; ++i) result.add(i, i);
    return result;
  }

  [[nodiscard]] bool is_consistent() const {
    const Relation sb = sequenced(), rf = reads_from(), mo = modification(), fr = from_read(mo);
    if (!(sb | rf).closure().is_irreflexive()) return false;  // the one rule that C++20 does not have
    const Relation eco = (rf | mo | fr).closure();
    if (!eco.is_irreflexive() || !(fr * mo).is_irreflexive()) return false;  // the latter: atomicity
    const Relation sw = synchronizes(sb), hb = (sb | sw).closure();
    if (!hb.is_irreflexive() || !(hb * eco).is_irreflexive()) return false;
    Relation strong;
    for (std::size_t a = 0; a < program.size(); ++a) {
      for (std::size_t b = 0; b < program.size(); ++b) {
        if (sw.has(a, b) && program[a].is_seq_cst() && program[b].is_seq_cst()) strong.add(a, b);
      }
    }
    return has_seq_cst_order((sb | strong | sb * hb * sb).closure(), hb, eco);
  }
};

// All consistent candidates of a program.
class Enumeration {
 public:
  explicit Enumeration(const Program& program) : candidate_{program} {
    for (std::size_t i = 0; i < program.size(); ++i) {
      if (program[i].writes()) candidate_.modifications[program[i].location].push_back(i);
    }
    choose_source(0);
  }
  [[nodiscard]] const std::set<Outcome>& outcomes() const { return outcomes_; }

 private:
  void choose_source(std::size_t step) {
    const Program& program = candidate_.program;
    if (step == program.size()) return choose_order(0);
    if (!program[step].reads()) return choose_source(step + 1);
    for (std::size_t write = 0; write < program.size(); ++write) {
      if (!program[write].writes() || program[write].location != program[step].location || write == step)
        continue;
      candidate_.source[step] = write;
      choose_source(step + 1);
    }
  }
  void choose_order(std::size_t location) {
    if (location == kLocations) return judge();
    auto& order = candidate_.modifications[location];
    do {
      choose_order(location + 1);
    } while (std::next_permutation(order.begin() + 1, order.end()));  // the initial write stays first
  }
  void judge() {
    if (has_circular_sources() || !candidate_.is_consistent()) return;
    Outcome outcome;
    for (std::size_t i = 0; i < candidate_.program.size(); ++i) {
      outcome.push_back(candidate_.program[i].reads() ? candidate_.program[candidate_.source[i]].value : 0);
    }
    for (const auto& order : candidate_.modifications)
      outcome.push_back(candidate_.program[order.back()].value);
    outcomes_.insert(outcome);
  }
  [[nodiscard]] bool has_circular_sources() const {
    return !candidate_.reads_from().closure().is_irreflexive();
  }

  Candidate candidate_;
  std::set<Outcome> outcomes_;
};

Program write_program(unsigned seed, std::size_t threads, std::size_t steps) {
  std::mt19937 generator(seed);
  const auto draw = [&](std::size_t below) { return generator() % below; };
  static constexpr Verb kVerbs[] = {Verb::load,  Verb::load,     Verb::load,  Verb::store,
                                    Verb::store, Verb::exchange, Verb::fence, Verb::store};
  static constexpr Order kOrders[] = {
      kRelaxed, std::memory_order_acquire, std::memory_order_release, std::memory_order_acq_rel, kSeqCst,
      kSeqCst};
  Program program;
  for (std::size_t x = 0; x < kLocations; ++x) program.push_back({Verb::store, 0, x, kRelaxed, 0});
  for (std::size_t thread = 1; thread <= threads; ++thread) {
    for (std::size_t i = 0; i < steps; ++i) {
      const Verb verb = kVerbs[draw(std::size(kVerbs))];
      Order order = kOrders[draw(std::size(kOrders))];
      if (verb == Verb::load && releases(order) && order != kSeqCst) order = std::memory_order_acquire;
      if (verb == Verb::store && acquires(order) && order != kSeqCst) order = std::memory_order_release;
      program.push_back({verb, thread, draw(kLocations), order, static_cast<int>(program.size())});
    }
  }
  return program;
}

int perform(const Step& step, std::array<ModelAtomics::Atomic<int>, kLocations>& memory) {
  switch (step.verb) {
    case Verb::load:
      return memory[step.location].load(step.order);
    case Verb::store:
      memory[step.location].store(step.value, step.order);
      return 0;
    case Verb::exchange:
      return memory[step.location].exchange(step.value, step.order);
    case Verb::fence:
      ModelAtomics::fence(step.order);
      return 0;
  }
  return 0;
}

std::set<Outcome> explored(const Program& program, std::size_t threads) {
  std::set<Outcome> outcomes;
  Outcome outcome(program.size() + kLocations);
  Options options;
  options.observe = [&](const Execution&) { outcomes.insert(outcome); };
  const Result result = explore(options, [&](Execution& run) {
    auto& memory = run.make<std::array<ModelAtomics::Atomic<int>, kLocations>>();
    const auto thread = [&](std::size_t id) {
      for (std::size_t i = 0; i < program.size(); ++i) {
        if (program[i].thread == id) outcome[i] = perform(program[i], memory);
      }
    };
    if (threads == 2) {
      run.threads([&] { thread(1); }, [&] { thread(2); });
    } else {
      run.threads([&] { thread(1); }, [&] { thread(2); }, [&] { thread(3); });
    }
    for (std::size_t x = 0; x < kLocations; ++x) outcome[program.size() + x] = memory[x].load(kRelaxed);
  });
  EXPECT_TRUE(result.holds()) << result.report();
  return outcomes;
}

class AxiomsTest : public testing::TestWithParam<std::pair<std::size_t, std::size_t>> {};

TEST_P(AxiomsTest, AgreeWithTheMachine) {
  const auto [threads, steps] = GetParam();
  std::size_t outcomes = 0;
  for (unsigned seed = 1; seed <= 60; ++seed) {
    const Program program = write_program(seed, threads, steps);
    const Enumeration axioms(program);
    ASSERT_EQ(explored(program, threads), axioms.outcomes()) << "seed " << seed;
    outcomes += axioms.outcomes().size();
  }
  std::cout << outcomes << " outcomes\n";
}

INSTANTIATE_TEST_SUITE_P(Explorer, AxiomsTest,
                         testing::Values(std::pair(2, 3), std::pair(2, 4), std::pair(3, 2)),
                         [](const auto& test) {
                           return std::to_string(test.param.first) + "ThreadsOf" +
                                  std::to_string(test.param.second);
                         });

}  // namespace
}  // namespace basalt::explorer
