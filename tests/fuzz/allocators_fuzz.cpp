// Bytes as a program that allocates: whatever they say, the oracle must find nothing.
//
// The first byte chooses the allocator. Each step is a byte, what to do, and the numbers that it wants. A request may be
// impossible, then it must be refused; nothing here gives back what it does not hold: see tests/death for that.
#include <algorithm>
#include <cstdint>

#include "basic/raw_alloc.hpp"
#include "basic/size_prefixed.hpp"
#include "basic/unix_allocator.hpp"
#include "platform/raw_os.hpp"
#include "source/fixed_buffer.hpp"
#include "source/mmap_grower.hpp"
#include "source/tracked.hpp"
#include "support/fuzz_input.hpp"
#include "support/oracle.hpp"
#include "support/test_thread.hpp"

namespace basalt {
namespace {

using Input = test::FuzzInput;
using test::LiveBlock;
using test::Oracle;

constexpr std::size_t most_bytes = 4 * MiB;  // live at once, and of one block

// What a step may do with an allocator that takes pointers back by themselves.
template <class Heap>
class ByPointer {
 public:
  explicit ByPointer(Heap& heap) : heap_{heap} {}

  void* allocate(std::size_t size, std::size_t alignment) { return heap_.allocate(size, alignment); }
  void* reallocate(const LiveBlock& block, std::size_t size) { return heap_.reallocate(block.begin, size); }
  void deallocate(const LiveBlock& block) {
    Oracle::require(heap_.deallocate(block.begin), "a block disowned");
  }
  void trim() { (void)heap_.trim(); }
  const char* broken() { return heap_.broken_law(); }
  HeapStats stats() { return heap_.stats(); }
  static constexpr std::size_t alignment_kept = 16;  // by reallocation

 private:
  Heap& heap_;
};

// The same for one that wants sizes back.
template <class Raw>
class BySize {
 public:
  explicit BySize(Raw& raw) : raw_{raw} {}

  void* allocate(std::size_t size, std::size_t alignment) {
    return raw_.allocate({size, alignment, 0}).value;
  }
  void* reallocate(const LiveBlock& block, std::size_t size) {
    return raw_.reallocate(block.begin, block.size, {size, block.alignment, 0}).value;
  }
  void deallocate(const LiveBlock& block) { raw_.deallocate(block.begin, block.size); }
  void trim() { (void)raw_.trim(); }
  const char* broken() {
    const Law law = raw_.validate().broken();
    return law == Law::none ? nullptr : name(law);
  }
  HeapStats stats() { return raw_.stats(); }
  static constexpr std::size_t alignment_kept = SIZE_MAX;

 private:
  Raw& raw_;
};

template <class Subject>
void play(Input& input, Subject subject) {
  Oracle oracle;
  while (input.more()) {
    const std::size_t step = input.byte();
    if (oracle.count() == 0 || (step % 8 < 4 && oracle.count() < 200)) {
      LiveBlock block{nullptr, input.size(), input.alignment(), 0};
      if (block.size > most_bytes - oracle.bytes() && block.size < SIZE_MAX / 4) continue;
      block.begin = static_cast<std::byte*>(subject.allocate(block.size, block.alignment));
      if (block.begin != nullptr) oracle.born(block);
    } else if (step % 8 < 6) {
      subject.deallocate(oracle.dies(input.byte() % oracle.count()));
    } else if (step % 8 == 6) {
      const LiveBlock old = oracle.dies(input.byte() % oracle.count());
      LiveBlock now = old;
      now.size = std::min(input.size(), most_bytes - oracle.bytes());
      now.alignment = std::min(old.alignment, Subject::alignment_kept);
      now.begin = static_cast<std::byte*>(subject.reallocate(old, now.size));
      oracle.reborn(old, now.begin == nullptr ? old : now);
    } else {
      subject.trim();
    }
    const char* const broken = subject.broken();
    Oracle::require(broken == nullptr, broken == nullptr ? "" : broken);
    Oracle::require(subject.stats().conserved(), "live and free bytes are not what was grown");
  }
  while (oracle.count() != 0) subject.deallocate(oracle.dies(0));
  Oracle::require(subject.stats().live_bytes == 0, "everything was freed, and something lives");
}

template <class Fit>
void play_in_a_buffer(Input& input) {
  RawAlloc<ToyHeap<4 * KiB>, Fit> raw;
  play(input, BySize{raw});
}

template <class Fit>
void play_on_pages(Input& input) {
  RawAlloc<Tracked<MmapGrower<RawOs>, RawOs>, Fit, GiveBackAbove<16 * KiB, 32 * KiB>> raw;
  play(input, BySize{raw});
  (void)raw.trim();
}

using Engine = test::TestEngine<RawOs, struct OfFuzzing>;

// These have no end: the same heap plays with every input.
constinit Engine engine;
constinit SizePrefixed<UnixAllocator> small_kitchen;

void play_with(Input& input) {
  switch (input.byte() % 8) {
    case 0:
      return play_in_a_buffer<FirstFit>(input);
    case 1:
      return play_in_a_buffer<NextFit>(input);
    case 2:
      return play_in_a_buffer<BestFit>(input);
    case 3:
      return play_on_pages<FirstFit>(input);
    case 4:
      return play_on_pages<NextFit>(input);
    case 5:
      return play_on_pages<BestFit>(input);
    case 6:
      return play(input, ByPointer{small_kitchen});
    default:
      return play(input, ByPointer{engine});
  }
}

}  // namespace
}  // namespace basalt

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  return basalt::test::play_or_abort(data, bytes, basalt::play_with);
}
