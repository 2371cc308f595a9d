// The ring of the recorder, under every schedule and every value that a load may return.

#include <gtest/gtest.h>

#include "observe/recording.hpp"
#include "support/explored.hpp"

namespace basalt::observe {
namespace {

using explorer::Execution;
using explorer::ModelAtomics;
using explorer::require;
using explorer::Scenario;

// A ring of so many records; its steps are those of Recorder and of whoever reads.
template <std::uint64_t capacity>
struct Ring {
  RingTurns<ModelAtomics, capacity> turns;
  RingRecord<ModelAtomics> records[capacity];

  void write() {
    const std::uint64_t number = turns.draw(1);
    while (!turns.has_room(number)) ModelAtomics::pause();
    records[number % capacity].write(number, RecordContents::kind(Note::free, 3),
                                     {number + 10, number + 20, number + 30});
  }

  // Effects: waits for record `number`.
  void read(std::uint64_t number) {
    RecordContents seen;
    while (!records[number % capacity].read(number, seen)) ModelAtomics::pause();
    require(seen.note() == Note::free && seen.alignment_log2() == 3, "a record that nobody wrote");
    require(seen.a == number + 10 && seen.b == number + 20 && seen.c == number + 30,
            "a record of which half was not written yet, or again");
    turns.consume(number + 1);
  }
};

void two_write(Execution& run) {
  auto& ring = run.make<Ring<2>>();
  run.threads([&] { ring.write(); }, [&] { ring.write(); });
  ring.read(0);
  ring.read(1);
}

void two_write_and_one_reads(Execution& run) {
  auto& ring = run.make<Ring<2>>();
  run.threads([&] { ring.write(); }, [&] { ring.write(); }, [&] { ring.read(0); });
  ring.read(1);
}

void written_again(Execution& run) {
  auto& ring = run.make<Ring<1>>();
  run.threads(
      [&] {
        ring.write();
        ring.write();
      },
      [&] {
        ring.read(0);
        ring.read(1);
      });
}

void two_write_again_and_again(Execution& run) {
  auto& ring = run.make<Ring<2>>();
  run.threads(
      [&] {
        ring.write();
        ring.write();
      },
      [&] { ring.write(); },
      [&] {
        for (std::uint64_t number = 0; number != 3; ++number) ring.read(number);
      });
}

constexpr Scenario scenarios[] = {
    {"two_write", two_write},
    {"two_write_and_one_reads", two_write_and_one_reads},
    {"written_again", written_again},
    {"two_write_again_and_again", two_write_again_and_again},
};

TEST(RingExplored, EveryRecordComesOnceAndWhole) {
  test::expect_explored({"the ring of the recorder", {"src/observe/recording.hpp"}, scenarios});
}

}  // namespace
}  // namespace basalt::observe
