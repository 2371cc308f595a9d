// Threads that record while somebody reads: every record comes once and whole, and a free comes before the next block at its place.
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "observe/recorder.hpp"
#include "platform/raw_os.hpp"
#include "support/ring_reader.hpp"

namespace basalt::observe {
namespace {

struct Thread {
  static RecordedThread& recorded() noexcept { return recorded_; }
  static std::size_t unwind(std::uintptr_t*, std::size_t) noexcept { return 0; }

 private:
  static inline thread_local RecordedThread recorded_;
};

constexpr int threads = 3;
constexpr std::uint64_t rounds = 100'000;  // more than fits into the ring, from all together

// An allocator of four places, for which threads compete.
class Places {
 public:
  int take() {
    for (;;) {
      for (int i = 0; i != 4; ++i) {
        if (!taken_[static_cast<std::size_t>(i)].exchange(true)) return i;
      }
      std::this_thread::yield();
    }
  }
  void give(int place) { taken_[static_cast<std::size_t>(place)].store(false); }

 private:
  std::array<std::atomic<bool>, 4> taken_{};
};

void work(Recorder<RawOs, Thread>& recorder, Places& places) {
  for (std::uint64_t round = 0; round != rounds; ++round) {
    const int place = places.take();
    auto* const p = reinterpret_cast<void*>(static_cast<std::uintptr_t>(place + 1) * 16);
    recorder.allocated(Note::allocate, p, round, 4);
    recorder.leaving(Note::free, p);
    places.give(place);
  }
}

TEST(RecorderRace, TheOrderIsTheOneInWhichBlocksLived) {
  const test::TemporaryFolder folder;
  Recorder<RawOs, Thread> recorder;
  recorder.begin(folder.path().c_str(), static_cast<std::uint32_t>(Wish::stacks));
  Places places;
  std::vector<std::thread> all;
  for (int i = 0; i != threads; ++i) all.emplace_back([&] { work(recorder, places); });
  test::RingReader reader{folder.path()};
  std::map<std::uint64_t, std::uint32_t> live;       // by place: whose
  std::map<std::uint32_t, std::uint64_t> rounds_of;  // by thread
  for (std::uint64_t seen = 0; seen != 2 * threads * rounds;) {
    const auto next = reader.next();
    if (!next) {
      std::this_thread::yield();
      continue;
    }
    if (next->note() == Note::allocate) {
      ++seen;
      ASSERT_TRUE(live.emplace(next->pointer(), next->thread()).second) << "a block where one lives";
      ASSERT_EQ(next->size(), rounds_of[next->thread()]++) << "records of a thread come in its order";
    } else if (next->note() == Note::free) {
      ++seen;
      const auto found = live.find(next->pointer());
      ASSERT_NE(found, live.end());
      ASSERT_EQ(found->second, next->thread());
      live.erase(found);
    }
  }
  for (std::thread& one : all) one.join();
  EXPECT_FALSE(reader.next());
  EXPECT_EQ(rounds_of.size(), std::size_t{threads});
}

}  // namespace
}  // namespace basalt::observe
