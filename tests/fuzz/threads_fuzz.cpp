// Bytes as a program with four threads, on a system that refuses: whatever they say, the shadow of the heap must agree.
//
// One thread plays all four, by holding the heap of the one whose turn it is: so a run depends on its bytes alone. What real
// time can show is looked for in tests/race. The first byte chooses the engine, or the engine behind its protections.
#include <algorithm>
#include <cstdint>

#include "hardened/hardened.hpp"
#include "platform/raw_os.hpp"
#include "support/failing_os.hpp"
#include "support/fuzz_input.hpp"
#include "support/oracle.hpp"
#include "support/test_thread.hpp"

namespace basalt {
namespace {

using test::FuzzInput;
using test::LiveBlock;
using test::Oracle;
using System = test::FailingOs<RawOs, struct OfThreadsFuzz>;

constexpr std::size_t most_bytes = 8 * MiB;  // live at once, and of one block
constexpr std::size_t most_blocks = 300;
constexpr unsigned steps_between_walks = 1 << 10;

template <class Tag>
struct Of {
  using Thread = test::TestThread<System, Tag>;
  using Engine = engine::Engine<System, Thread>;
  using Hardened = hardened::Hardened<System, Thread>;
};

// Plays with a heap that lives as long as the process; between two inputs nothing of it is held.
template <class Heap, class Thread>
class Play {
 public:
  explicit Play(Heap& heap) : heap_{heap} {
    Thread::forget();
    for (auto& each : heaps_) each = Thread::heap();
  }

  void all(FuzzInput& input) {
    static unsigned steps = 0;
    while (input.more()) {
      step(input);
      if (++steps % steps_between_walks == 0) walk();
    }
    finish();
  }

 private:
  static constexpr std::size_t threads = 4;

  void step(FuzzInput& input) {
    const std::size_t what = input.byte() % 16;
    if (what == 0) return turn_of(input.byte() % threads);
    if (what == 1) return end_thread();
    if (what == 2) return refuse(input);
    if (what == 3) return void(heap_.trim());
    if (oracle_.count() == 0 || (what < 9 && oracle_.count() < most_blocks)) return allocate(input);
    if (what < 13) return deallocate(oracle_.dies(input.byte() % oracle_.count()));
    if (what == 13) return deallocate_by_size(input);
    reallocate(input);
  }

  void turn_of(std::size_t next) {
    heaps_[turn_] = Thread::heap();
    turn_ = next;
    Thread::give(heaps_[turn_]);
  }

  // Another one begins in its place.
  void end_thread() {
    heap_.park();
    Thread::forget();
  }

  static void refuse(FuzzInput& input) {
    const std::size_t first = 1 + input.byte() % 32;
    const std::size_t how_many = 1 + first % 3;
    for (std::size_t i = 0; i < how_many; ++i) System::fail_at(test::Operation::any, first + i);
  }

  void allocate(FuzzInput& input) {
    LiveBlock block{nullptr, input.size(), 16};
    if (block.size > most_bytes - oracle_.bytes() && block.size < SIZE_MAX / 4) return;
    if (const std::size_t shape = input.byte(); shape % 4 == 0) {
      block.begin = static_cast<std::byte*>(heap_.allocate_zeroed(block.size));
      if (block.begin != nullptr) insist_on_zeros(block);
    } else {
      if (shape % 4 == 1) block.alignment = std::max<std::size_t>(16, input.alignment());
      block.begin = static_cast<std::byte*>(heap_.allocate(block.size, block.alignment));
    }
    bear(block);
  }

  void bear(const LiveBlock& block) {
    if (block.begin == nullptr) return;
    Oracle::require(heap_.usable_size(block.begin) >= block.size, "a block that is too small");
    oracle_.born(block);
  }

  static void insist_on_zeros(const LiveBlock& block) {
    for (std::size_t at = 0; at < block.size; at += at < 4096 ? 1 : 509)
      Oracle::require(block.begin[at] == std::byte{0}, "zeroed memory that is not zero");
  }

  void deallocate(const LiveBlock& block) {
    Oracle::require(heap_.deallocate(block.begin), "a block disowned");
  }

  void deallocate_by_size(FuzzInput& input) {
    const LiveBlock block = oracle_.dies(input.byte() % oracle_.count());
    Oracle::require(heap_.deallocate(block.begin, block.size), "a block disowned by its size");
  }

  void reallocate(FuzzInput& input) {
    const LiveBlock old = oracle_.dies(input.byte() % oracle_.count());
    LiveBlock now{nullptr, std::min(input.size(), most_bytes - oracle_.bytes()), 16};
    now.begin = static_cast<std::byte*>(heap_.reallocate(old.begin, now.size));
    oracle_.reborn(old, now.begin == nullptr ? old : now);
  }

  void walk() {
    const char* const broken = heap_.broken_law();
    Oracle::require(broken == nullptr, broken == nullptr ? "" : broken);
    Oracle::require(heap_.stats().conserved(), "live and free bytes are not what was grown");
    oracle_.check_all();
  }

  // Whatever was refused: once nothing is, all comes home.
  void finish() {
    System::refuse_nothing_more();
    while (oracle_.count() != 0) deallocate(oracle_.dies(0));
    for (std::size_t thread = 0; thread < threads; ++thread) {
      turn_of(thread);
      end_thread();
    }
    (void)heap_.trim();
    Oracle::require(heap_.stats().live_bytes == 0, "everything was freed, and something lives");
  }

  Heap& heap_;
  Oracle oracle_;
  typename Thread::Heap* heaps_[threads];
  std::size_t turn_ = 0;
};

using Plain = Of<struct OfPlain>;
using Wary = Of<struct OfWary>;
constinit Plain::Engine plain;
constinit Wary::Hardened wary;

void play_with(FuzzInput& input) {
  if (input.byte() % 2 == 0) return Play<Plain::Engine, Plain::Thread>{plain}.all(input);
  Play<Wary::Hardened, Wary::Thread>{wary}.all(input);
}

}  // namespace
}  // namespace basalt

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  return basalt::test::play_or_abort(data, bytes, basalt::play_with);
}
