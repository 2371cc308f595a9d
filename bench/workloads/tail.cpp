// How long do the slowest of ten thousand mallocs take, and of frees?  Variants: small (2,000 blocks of up to 128 bytes),
// mixed (100,000 of up to 32 KiB).
#include <algorithm>
#include <array>
#include <bit>
#include <vector>

#include "clock.hpp"
#include "workload.hpp"

namespace {

// How often each duration was seen. Durations of 64 ticks and more are kept to a part in 32, so that nothing is allocated.
class Histogram {
 public:
  void add(std::uint64_t ticks) { ++seen_[place_of(ticks)]; }

  // Returns: ticks that one in `of` durations exceeds.
  [[nodiscard]] std::uint64_t exceeded_by_one_in(std::uint64_t of) const {
    std::uint64_t total = 0;
    for (const std::uint64_t each : seen_) total += each;
    std::uint64_t above = 0;
    std::size_t place = seen_.size();
    while (place > 0 && above <= total / of) above += seen_[--place];
    return least_at(place);
  }

 private:
  static constexpr int kept = 5;  // bits of a duration after its first
  static std::size_t place_of(std::uint64_t ticks) {
    const int shift = std::max(static_cast<int>(std::bit_width(ticks)) - 1 - kept, 0);
    return (static_cast<std::size_t>(shift) << kept) + static_cast<std::size_t>(ticks >> shift);
  }
  static std::uint64_t least_at(std::size_t place) {
    const std::size_t shift = place < (2u << kept) ? 0 : (place >> kept) - 1;
    return (static_cast<std::uint64_t>(place) - (shift << kept)) << shift;
  }

  std::array<std::uint64_t, (64 - kept + 1) << kept> seen_{};
};

Histogram mallocs;
Histogram frees;

void free_timed(void* block) {
  const std::uint64_t begin = workload::ticks();
  std::free(block);
  frees.add(workload::ticks() - begin);
}

void* malloc_timed(std::size_t bytes) {
  const std::uint64_t begin = workload::ticks();
  void* const block = std::malloc(bytes);
  mallocs.add(workload::ticks() - begin);
  return block;
}

}  // namespace

int main(int count, char** arguments) {
  const workload::Task task{count, arguments};
  const bool mixed = task.is("mixed");
  workload::Dice dice{1};
  std::vector<void*> blocks(mixed ? 100'000 : 2'000, nullptr);
  const std::size_t rounds = task.times(mixed ? 4'000'000 : 10'000'000);
  const workload::Rate rate;
  for (std::size_t i = 0; i < rounds; ++i) {
    void*& block = blocks[dice.below(blocks.size())];
    if (block != nullptr) free_timed(block);
    const std::size_t bytes = mixed ? dice.pareto(24, 32 << 10) : 16 + dice.below(8) * 16;
    block = malloc_timed(bytes);
    workload::use(block, bytes);
  }
  const double tick = rate.nanoseconds();
  for (void* block : blocks) std::free(block);
  const auto slow = [tick](const Histogram& calls) {
    return tick * static_cast<double>(calls.exceeded_by_one_in(10'000));
  };
  return workload::Task::done(
      {.operations = rounds, .malloc_p9999_ns = slow(mallocs), .free_p9999_ns = slow(frees)});
}
