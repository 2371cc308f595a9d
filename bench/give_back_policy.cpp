// What does it cost to give memory back, and what does it save, for one pair of threshold and keep and another?
//
//   bench-give_back_policy     prints CSV
//
// Three programs, each over a fresh heap of the small kitchen, the same requests for every pair:
//   phases  five times: 4000 blocks of 1 to 16 KiB are allocated, then all but each hundredth are freed at random
//   churn   400 blocks of 16 bytes to 256 KiB, of which a random one is replaced, 20000 times
//   level   6 MiB are allocated and freed again, 1000 times
// Every page that is handed out is written to, as its owner would. Time is that of the processor, in the
// program and in the kernel for it; held is what was grown and not given back.

#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <memory>
#include <vector>

#include "basic/raw_alloc.hpp"
#include "platform/raw_os.hpp"
#include "source/at_least.hpp"
#include "source/counting.hpp"
#include "source/mmap_grower.hpp"

namespace basalt {
namespace {

using Grower = Counting<AtLeast<MmapGrower<RawOs>, 256 * KiB>>;

class Random {
 public:
  std::size_t below(std::size_t bound) {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return (state_ >> 33) % bound;
  }

 private:
  std::size_t state_ = 1;
};

long page_faults() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

template <class Policy>
class Program {
 public:
  using Heap = RawAlloc<Grower, FirstFit, Policy>;

  void phases() {
    for (int phase = 0; phase < 5; ++phase) {
      for (int i = 0; i < 4000; ++i) allocate(1 * KiB + random_.below(15 * KiB));
      for (int i = 0; i < 3960; ++i) free_one();
    }
  }

  void churn() {
    for (int i = 0; i < 400; ++i) allocate(size_for_churn());
    for (int i = 0; i < 20'000; ++i) {
      free_one();
      allocate(size_for_churn());
    }
  }

  void level() {
    for (int i = 0; i < 1000; ++i) {
      allocate(6 * MiB);
      free_one();
    }
  }

  [[nodiscard]] const Heap& heap() const { return *heap_; }
  [[nodiscard]] std::size_t mean_held() const { return steps_ == 0 ? 0 : held_sum_ / steps_; }
  [[nodiscard]] std::size_t held() const {
    const Grower& grower = heap_->grower();
    return grower.tally(Duty::grow).bytes - grower.tally(Duty::give_back).bytes;
  }

 private:
  std::size_t size_for_churn() { return (std::size_t{16} << random_.below(14)) + random_.below(16); }

  void allocate(std::size_t size) {
    std::byte* const block = heap_->allocate({size}).value;
    for (std::size_t i = 0; i < size; i += 4 * KiB) block[i] = std::byte{1};
    blocks_.push_back({block, size});
    note_step();
  }

  void free_one() {
    std::swap(blocks_[random_.below(blocks_.size())], blocks_.back());
    heap_->deallocate(blocks_.back().begin, blocks_.back().size);
    blocks_.pop_back();
    note_step();
  }

  void note_step() {
    steps_ += 1;
    held_sum_ += held();
  }

  std::unique_ptr<Heap> heap_ = std::make_unique<Heap>();
  std::vector<Range> blocks_;
  Random random_;
  std::size_t steps_ = 0;
  std::size_t held_sum_ = 0;
};

// Effects: prints one line, with the best time of three rounds.
template <class Policy>
void measure(const char* name, void (Program<Policy>::*work)(), const char* threshold, const char* keep) {
  double best = 1e9;
  for (int round = 0; round < 3; ++round) {
    Program<Policy> program;
    const long faults_before = page_faults();
    const std::clock_t begin = std::clock();
    (program.*work)();
    best = std::min(best, 1000.0 * static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC);
    if (round != 2) continue;
    const Grower& grower = program.heap().grower();
    std::printf("%s,%s,%s,%.1f,%zu,%ld,%zu,%zu\n", name, threshold, keep, best,
                grower.tally(Duty::grow).calls + grower.tally(Duty::give_back).calls,
                page_faults() - faults_before, program.mean_held() / KiB, program.held() / KiB);
  }
}

template <class Policy>
void measure_all(const char* threshold, const char* keep) {
  measure<Policy>("phases", &Program<Policy>::phases, threshold, keep);
  measure<Policy>("churn", &Program<Policy>::churn, threshold, keep);
  measure<Policy>("level", &Program<Policy>::level, threshold, keep);
}

}  // namespace
}  // namespace basalt

int main() {
  using namespace basalt;
  std::puts(
      "program,threshold_kib,keep_kib,cpu_milliseconds,system_calls,page_faults,mean_held_kib,held_at_end_"
      "kib");
  measure_all<GiveBackAbove<4 * KiB, 0>>("4", "0");
  measure_all<GiveBackAbove<64 * KiB, 256 * KiB>>("64", "256");
  measure_all<GiveBackAbove<64 * KiB, 1 * MiB>>("64", "1024");
  measure_all<GiveBackByDefault>("256", "1024");
  measure_all<GiveBackAbove<1 * MiB, 4 * MiB>>("1024", "4096");
  measure_all<GiveBackNever>("never", "all");
}
