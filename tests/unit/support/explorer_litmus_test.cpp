// The memory model of the schedule explorer, held against the litmus tests of the literature: what C++20 forbids must
// never be seen, what it allows must be found.

#include <gtest/gtest.h>

#include "support/explorer/explorer.hpp"
#include "support/explorer/mutants.hpp"

namespace basalt::explorer {
namespace {

using Order = std::memory_order;
constexpr Order kRelaxed = std::memory_order_relaxed;
constexpr Order kAcquire = std::memory_order_acquire;
constexpr Order kRelease = std::memory_order_release;
constexpr Order kAcqRel = std::memory_order_acq_rel;
constexpr Order kSeqCst = std::memory_order_seq_cst;

using Int = ModelAtomics::Atomic<int>;

void forbid(bool outcome) { require(!outcome, "the outcome was seen"); }

// The shapes. Each names its bad outcome at the end. Every operation has a line of its own, so that weaken_each can
// tell them apart.

Body message_passing(Order store, Order load) {
  return [=](Execution& run) {
    Int data{0}, flag{0};
    int seen = 0, read = 0;
    run.threads(
        [&] {
          data.store(1, kRelaxed);
          flag.store(1, store);
        },
        [&] {
          seen = flag.load(load);
          read = data.load(kRelaxed);
        });
    forbid(seen == 1 && read == 0);
  };
}

Body message_passing_by_fences(Order before_store, Order after_load) {
  return [=](Execution& run) {
    Int data{0}, flag{0};
    int seen = 0, read = 0;
    run.threads(
        [&] {
          data.store(1, kRelaxed);
          ModelAtomics::fence(before_store);
          flag.store(1, kRelaxed);
        },
        [&] {
          seen = flag.load(kRelaxed);
          ModelAtomics::fence(after_load);
          read = data.load(kRelaxed);
        });
    forbid(seen == 1 && read == 0);
  };
}

Body store_buffering(Order store_1, Order load_1, Order store_2, Order load_2) {
  return [=](Execution& run) {
    Int x{0}, y{0};
    int a = 0, b = 0;
    run.threads(
        [&] {
          x.store(1, store_1);
          a = y.load(load_1);
        },
        [&] {
          y.store(1, store_2);
          b = x.load(load_2);
        });
    forbid(a == 0 && b == 0);
  };
}

Body store_buffering_by_fences(Order first, Order second) {
  return [=](Execution& run) {
    Int x{0}, y{0};
    int a = 0, b = 0;
    run.threads(
        [&] {
          x.store(1, kRelaxed);
          ModelAtomics::fence(first);
          a = y.load(kRelaxed);
        },
        [&] {
          y.store(1, kRelaxed);
          ModelAtomics::fence(second);
          b = x.load(kRelaxed);
        });
    forbid(a == 0 && b == 0);
  };
}

// One thread orders by a fence, the other by seq_cst operations.
Body store_buffering_mixed(Order fence, Order store, Order load) {
  return [=](Execution& run) {
    Int x{0}, y{0};
    int a = 0, b = 0;
    run.threads(
        [&] {
          x.store(1, kRelaxed);
          ModelAtomics::fence(fence);
          a = y.load(kRelaxed);
        },
        [&] {
          y.store(1, store);
          b = x.load(load);
        });
    forbid(a == 0 && b == 0);
  };
}

// Independent reads of independent writes. The order of the writes does not matter: two seq_cst loads that see a
// location change are ordered by it.
Body independent_reads(Order store, Order first, Order second, Order third, Order fourth) {
  return [=](Execution& run) {
    Int x{0}, y{0};
    int a = 0, b = 0, c = 0, d = 0;
    run.threads([&] { x.store(1, store); }, [&] { y.store(1, store); },
                [&] {
                  a = x.load(first);
                  b = y.load(second);
                },
                [&] {
                  c = y.load(third);
                  d = x.load(fourth);
                });
    forbid(a == 1 && b == 0 && c == 1 && d == 0);
  };
}

Body independent_reads_by_fences(Order first, Order second) {
  return [=](Execution& run) {
    Int x{0}, y{0};
    int a = 0, b = 0, c = 0, d = 0;
    run.threads([&] { x.store(1, kRelaxed); }, [&] { y.store(1, kRelaxed); },
                [&] {
                  a = x.load(kRelaxed);
                  ModelAtomics::fence(first);
                  b = y.load(kRelaxed);
                },
                [&] {
                  c = y.load(kRelaxed);
                  ModelAtomics::fence(second);
                  d = x.load(kRelaxed);
                });
    forbid(a == 1 && b == 0 && c == 1 && d == 0);
  };
}

Body two_plus_two_writes(Order order) {
  return [=](Execution& run) {
    Int x{0}, y{0};
    run.threads(
        [&] {
          x.store(1, order);
          y.store(2, order);
        },
        [&] {
          y.store(1, order);
          x.store(2, order);
        });
    forbid(x.load(kRelaxed) == 1 && y.load(kRelaxed) == 1);
  };
}

Body write_to_read_causality(Order store, Order load) {
  return [=](Execution& run) {
    Int x{0}, y{0};
    int a = 0, b = 0, c = 0;
    run.threads([&] { x.store(1, kRelaxed); },
                [&] {
                  a = x.load(kRelaxed);
                  y.store(1, store);
                },
                [&] {
                  b = y.load(load);
                  c = x.load(kRelaxed);
                });
    forbid(a == 1 && b == 1 && c == 0);
  };
}

// A read-modify-write between the release and the acquire.
Body release_sequence(Order store, Order middle, Order load) {
  return [=](Execution& run) {
    Int data{0}, flag{0};
    int seen = 0, read = 0;
    run.threads(
        [&] {
          data.store(1, kRelaxed);
          flag.store(1, store);
        },
        [&] { flag.fetch_add(1, middle); },
        [&] {
          seen = flag.load(load);
          read = data.load(kRelaxed);
        });
    forbid(seen == 2 && read == 0);
  };
}

// Since C++20 a plain store of the same thread does not continue its release sequence.
Body release_then_store(Order second_store) {
  return [=](Execution& run) {
    Int data{0}, flag{0};
    int seen = 0, read = 0;
    run.threads(
        [&] {
          data.store(1, kRelaxed);
          flag.store(1, kRelease);
          flag.store(2, second_store);
        },
        [&] {
          seen = flag.load(kAcquire);
          read = data.load(kRelaxed);
        });
    forbid(seen == 2 && read == 0);
  };
}

// A seq_cst operation that is synchronized with through a non-seq_cst one: forbidden by C++11, allowed since C++20
// (the example of [atomics.order] 3, "strongly happens before").
Body mixed_orders(Order last_load) {
  return [=](Execution& run) {
    Int x{0}, y{0};
    int a = 0, b = 0, c = 0;
    run.threads(
        [&] {
          x.store(1, kSeqCst);
          y.store(1, kRelease);
        },
        [&] {
          a = y.fetch_add(1, kSeqCst);
          b = y.load(kRelaxed);
        },
        [&] {
          y.store(3, kSeqCst);
          c = x.load(last_load);
        });
    forbid(a == 1 && b == 3 && c == 0);
  };
}

// Coherence: nothing weaker than "one order per location" exists, so relaxed is enough.

Body read_read() {
  return [](Execution& run) {
    Int x{0};
    int a = 0, b = 0;
    run.threads([&] { x.store(1, kRelaxed); },
                [&] {
                  a = x.load(kRelaxed);
                  b = x.load(kRelaxed);
                });
    forbid(a == 1 && b == 0);
  };
}

Body write_write() {
  return [](Execution& run) {
    Int x{0};
    run.threads(
        [&] {
          x.store(1, kRelaxed);
          x.store(2, kRelaxed);
        },
        [&] { x.load(kRelaxed); });
    forbid(x.load(kRelaxed) != 2);
  };
}

Body write_read() {
  return [](Execution& run) {
    Int x{0};
    int a = 0;
    run.threads(
        [&] {
          x.store(1, kRelaxed);
          a = x.load(kRelaxed);
        },
        [&] { x.store(2, kRelaxed); });
    forbid(a == 2 && x.load(kRelaxed) == 1);
  };
}

Body read_write() {
  return [](Execution& run) {
    Int x{0};
    int a = 0;
    run.threads(
        [&] {
          a = x.load(kRelaxed);
          x.store(1, kRelaxed);
        },
        [&] { x.store(2, kRelaxed); });
    forbid(a == 2 && x.load(kRelaxed) == 2);
  };
}

Body load_buffering() {
  return [](Execution& run) {
    Int x{0}, y{0};
    int a = 0, b = 0;
    run.threads(
        [&] {
          a = x.load(kRelaxed);
          y.store(1, kRelaxed);
        },
        [&] {
          b = y.load(kRelaxed);
          x.store(1, kRelaxed);
        });
    forbid(a == 1 && b == 1);
  };
}

// The tables.

struct Litmus {
  const char* name;
  Body body;
};

void PrintTo(const Litmus& litmus, std::ostream* out) { *out << litmus.name; }

class Forbidden : public testing::TestWithParam<Litmus> {};
class Allowed : public testing::TestWithParam<Litmus> {};
class EveryOrderCounts : public testing::TestWithParam<Litmus> {};

std::string name_of(const testing::TestParamInfo<Litmus>& info) { return info.param.name; }

TEST_P(Forbidden, IsNeverSeen) {
  const Result result = explore(GetParam().body);
  EXPECT_TRUE(result.holds()) << result.report();
}

TEST_P(Allowed, IsFound) {
  const Result result = explore(GetParam().body);
  EXPECT_TRUE(result.failed) << result.report();
  EXPECT_EQ(result.failure, "the outcome was seen");
}

TEST_P(EveryOrderCounts, EachMutantIsCaught) {
  const MutantReport report = weaken_each(GetParam().body);
  std::cout << report.text();
  EXPECT_FALSE(report.mutants.empty());
  EXPECT_TRUE(report.all_caught());
}

INSTANTIATE_TEST_SUITE_P(
    Explorer, Forbidden,
    testing::Values(Litmus{"CoherenceReadRead", read_read()}, Litmus{"CoherenceWriteWrite", write_write()},
                    Litmus{"CoherenceWriteRead", write_read()}, Litmus{"CoherenceReadWrite", read_write()},
                    Litmus{"StoreBufferingFenceAgainstSeqCst",
                           store_buffering_mixed(kSeqCst, kSeqCst, kSeqCst)},
                    Litmus{"ReleaseTwice", release_then_store(kRelease)},
                    // Legal C++, but no machine that runs threads one operation at a time can show it.
                    Litmus{"LoadBufferingIsNotModelled", load_buffering()}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Explorer, Allowed,
    testing::Values(
        Litmus{"MessagePassingRelaxed", message_passing(kRelaxed, kRelaxed)},
        Litmus{"MessagePassingFencesSwapped", message_passing_by_fences(kAcquire, kRelease)},
        Litmus{"StoreBufferingReleaseAcquire", store_buffering(kRelease, kAcquire, kRelease, kAcquire)},
        Litmus{"StoreBufferingAcqRelFences", store_buffering_by_fences(kAcqRel, kAcqRel)},
        Litmus{"StoreBufferingFenceAgainstAcquire", store_buffering_mixed(kSeqCst, kSeqCst, kAcquire)},
        Litmus{"IndependentReadsAcquire",
               independent_reads(kRelease, kAcquire, kAcquire, kAcquire, kAcquire)},
        Litmus{"IndependentReadsFirstOnlyAcquire",
               independent_reads(kSeqCst, kAcquire, kSeqCst, kSeqCst, kSeqCst)},
        Litmus{"TwoPlusTwoWritesRelease", two_plus_two_writes(kRelease)},
        Litmus{"ReleaseThenRelaxedStore", release_then_store(kRelaxed)},
        Litmus{"MixedOrdersSinceCpp20", mixed_orders(kSeqCst)}),
    name_of);

// As written the outcome is forbidden; with any one order weaker it is allowed. `weaken_each` tries them all.
INSTANTIATE_TEST_SUITE_P(
    Explorer, EveryOrderCounts,
    testing::Values(Litmus{"MessagePassing", message_passing(kRelease, kAcquire)},
                    Litmus{"MessagePassingByFences", message_passing_by_fences(kRelease, kAcquire)},
                    Litmus{"StoreBuffering", store_buffering(kSeqCst, kSeqCst, kSeqCst, kSeqCst)},
                    Litmus{"StoreBufferingByFences", store_buffering_by_fences(kSeqCst, kSeqCst)},
                    Litmus{"IndependentReads",
                           independent_reads(kRelaxed, kSeqCst, kSeqCst, kSeqCst, kSeqCst)},
                    Litmus{"IndependentReadsByFences", independent_reads_by_fences(kSeqCst, kSeqCst)},
                    Litmus{"TwoPlusTwoWrites", two_plus_two_writes(kSeqCst)},
                    Litmus{"WriteToReadCausality", write_to_read_causality(kRelease, kAcquire)},
                    Litmus{"ReleaseSequence", release_sequence(kRelease, kRelaxed, kAcquire)}),
    name_of);

}  // namespace
}  // namespace basalt::explorer
