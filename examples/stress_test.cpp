// A long run of random allocations and frees over the small kitchen, and after every step a walk along its list: is
// every law kept, and is nothing lost?
#include <basalt/basic.hpp>

#include <charconv>
#include <cstdio>
#include <cstring>
#include <random>
#include <utility>
#include <vector>

namespace {

using Heap = basalt::RawAlloc<basalt::UnixHeapGrower, basalt::FirstFit, basalt::GiveBackByDefault>;

constexpr std::size_t most_steps = 1'000'000'000;
constexpr std::size_t most_allocations = 1'000'000;
constexpr std::size_t most_log2 = 30;

struct Options {
  std::size_t steps = 10'000;
  std::size_t min_allocations = 100;
  std::size_t log2_max_size = 12;
};

constexpr char usage[] =
    "usage: stress_test [STEPS] [MIN_ALLOCATIONS] [LOG2_MAX_SIZE]\n"
    "\n"
    "Allocates and frees at random, and walks the list of free blocks after every step.\n"
    "\n"
    "  STEPS            allocations and frees, up to 1000000000 (10000)\n"
    "  MIN_ALLOCATIONS  blocks that are live from when there are so many, up to 1000000 (100)\n"
    "  LOG2_MAX_SIZE    the largest block has 2 to the power of this bytes, 0 to 30 (12)\n"
    "\n"
    "Exit status: 0 every law was kept at every step, 1 one was broken, 2 wrong usage.\n";

// One block of ours, filled with `mark`.
struct Live {
  std::byte* begin;
  std::size_t size;
  int mark;
};

class Stress {
 public:
  explicit Stress(const Options& options) : options_{options} {}

  // Returns: what is wrong, or nullptr.
  const char* run() {
    for (std::size_t step = 0; step < options_.steps; ++step) {
      const bool allocates = live_.size() < options_.min_allocations || random_() % 2 == 0;
      const char* const wrong = allocates ? allocate() : free_one();
      if (wrong != nullptr) return wrong;
      if (const char* const broken = broken_law()) return broken;
    }
    return nullptr;
  }

  const char* free_all() {
    while (!live_.empty()) {
      if (const char* const wrong = free_one()) return wrong;
    }
    return broken_law();
  }

  void report() const {
    const basalt::HeapStats stats = heap_.stats();
    std::printf("%zu allocations, %zu frees, %zu live\n", stats.allocations, stats.deallocations,
                live_.size());
    std::printf("%zu bytes grown - %zu given back == %zu live + %zu free in %zu blocks (at most %zu)\n",
                stats.grown_bytes, stats.given_back_bytes, stats.live_bytes, stats.free_bytes,
                stats.free_blocks, stats.peak_free_blocks);
  }

 private:
  const char* allocate() {
    const std::size_t bits = random_() % (options_.log2_max_size + 1);  // small sizes as often as large ones
    const std::size_t size = (std::size_t{1} << bits) - random_() % ((std::size_t{1} << bits) / 2 + 1);
    const auto block = heap_.allocate({size});
    if (!block.ok()) return "the system has no more memory";
    live_.push_back({block.value, size, static_cast<int>(random_() % 256)});
    std::memset(block.value, live_.back().mark, size);
    return nullptr;
  }

  const char* free_one() {
    if (live_.empty()) return nullptr;
    std::swap(live_[random_() % live_.size()], live_.back());
    const Live block = live_.back();
    live_.pop_back();
    for (std::size_t i = 0; i < block.size; ++i) {
      if (block.begin[i] != static_cast<std::byte>(block.mark)) return "a live block has changed";
    }
    heap_.deallocate(block.begin, block.size);
    return nullptr;
  }

  const char* broken_law() const {
    if (const basalt::Law broken = heap_.validate().broken(); broken != basalt::Law::none)
      return basalt::name(broken);
    return heap_.stats().conserved() ? nullptr : "what was grown is live, free or given back";
  }

  Options options_;
  Heap heap_;
  std::vector<Live> live_;
  std::mt19937_64 random_{1};
};

// Effects: sets `number`, or says what is wrong with `word`.  Returns: whether it could be set.
bool parse(const char* name, const char* word, std::size_t most, std::size_t& number) {
  const char* const end = word + std::strlen(word);
  const auto [stop, error] = std::from_chars(word, end, number);
  if (error == std::errc{} && stop == end && number <= most) return true;
  std::fprintf(stderr, "stress_test: %s must be a whole number from 0 to %zu, not '%s'\n", name, most, word);
  return false;
}

bool parse_all(int count, char** words, Options& options) {
  if (count > 4) {
    std::fprintf(stderr, "stress_test: takes at most 3 arguments, not %d; see --help\n", count - 1);
    return false;
  }
  return (count < 2 || parse("STEPS", words[1], most_steps, options.steps)) &&
         (count < 3 || parse("MIN_ALLOCATIONS", words[2], most_allocations, options.min_allocations)) &&
         (count < 4 || parse("LOG2_MAX_SIZE", words[3], most_log2, options.log2_max_size));
}

}  // namespace

int main(int count, char** words) {
  for (int i = 1; i < count; ++i) {
    if (std::strcmp(words[i], "--help") == 0) return std::fputs(usage, stdout) < 0 ? 1 : 0;
  }
  Options options;
  if (!parse_all(count, words, options)) return 2;
  Stress stress{options};
  const char* wrong = stress.run();
  stress.report();
  if (wrong == nullptr) wrong = stress.free_all();
  if (wrong != nullptr) {
    std::fprintf(stderr, "stress_test: %s\n", wrong);
    return 1;
  }
  stress.report();
  return 0;
}
