// The freestanding part of Basalt as a WebAssembly module: run.mjs calls each exported run_* function. It returns 0, or
// the line of the first check that failed.
#include <cstddef>
#include <cstdint>

#include "basic/locked.hpp"
#include "basic/raw_alloc.hpp"
#include "basic/size_prefixed.hpp"
#include "platform/wasm_memory.hpp"
#include "source/at_least.hpp"
#include "source/bounded.hpp"
#include "source/counting.hpp"
#include "source/failing_at.hpp"
#include "source/fallback.hpp"
#include "source/fixed_buffer.hpp"
#include "source/wasm_grower.hpp"

namespace basalt {
namespace {

// Remembers the first check that failed, by its line.
class Checks {
 public:
  void that(bool holds, int line = __builtin_LINE()) noexcept {
    if (!holds && failed_ == 0) failed_ = line;
  }
  [[nodiscard]] int failed() const noexcept { return failed_; }

 private:
  int failed_ = 0;
};

class Random {
 public:
  [[nodiscard]] std::uint32_t below(std::uint32_t bound) noexcept {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 17;
    state_ ^= state_ << 5;
    return state_ % bound;
  }

 private:
  std::uint32_t state_ = 20'260'923;
};

// A module has one thread: nothing to wait for.
struct NoLock {
  void lock() noexcept {}
  void unlock() noexcept {}
};

using Wasm = WasmGrower<WasmMemory>;

// The seed's reference run. Pointers have 4 bytes here, so a header has 8 and so has the smallest block.
int reference_run() {
  static constinit RawAlloc<ToyHeap<>> heap;
  Checks check;
  static_assert(least_block == 8);
  const auto take = [&](std::size_t size) { return heap.allocate({size}).value; };
  std::byte* const first = take(64);
  std::byte* const second = take(64);
  check.that(second == first + 64);
  check.that(take(224) == second + 64);
  heap.deallocate(second, 64);
  check.that(take(112) == first + 384);  // fresh: after the 256 that 224 needed
  check.that(take(32) == second + 32);   // the second half of the freed block
  check.that(take(16) == second + 16);
  check.that(take(8) == second + 8);
  check.that(heap.grower().pages_used() == 1 + 1 + 4 + 2);
  check.that(heap.stats().conserved() && heap.validate().valid());
  return check.failed();
}

struct Block {
  std::byte* begin = nullptr;
  std::size_t size = 0;
  std::byte fill{};

  void write(std::byte value) noexcept {
    fill = value;
    for (std::size_t i = 0; i < size; ++i) begin[i] = value;
  }
  [[nodiscard]] bool intact(std::size_t bytes) const noexcept {
    for (std::size_t i = 0; i < bytes; ++i) {
      if (begin[i] != fill) return false;
    }
    return true;
  }
};

// 10,240 random steps: contents, the list's laws and conservation after each.
template <class Heap>
int random_run(Heap& heap) {
  constexpr std::uint32_t places = 64;
  static Block blocks[places];
  for (Block& block : blocks) block = {};
  Random random;
  Checks check;
  for (int step = 0; step < 10'240; ++step) {
    Block& block = blocks[random.below(places)];
    const std::size_t size = random.below(1u << (4 + random.below(10)));
    const auto fill = static_cast<std::byte>(random.below(256));
    check.that(block.intact(block.size));
    if (block.begin == nullptr) {
      const auto fresh = heap.allocate({size, std::size_t{8} << random.below(6)});
      if (fresh.ok()) block = {fresh.value, size, fill};
    } else if (random.below(3) == 0) {
      const auto resized = heap.reallocate(block.begin, block.size, {size});
      if (resized.ok()) {
        block.begin = resized.value;
        check.that(block.intact(size < block.size ? size : block.size));
        block.size = size;
      }
    } else {
      heap.deallocate(block.begin, block.size);
      block = {};
    }
    if (block.begin != nullptr) block.write(fill);
    check.that(heap.stats().conserved());
    check.that(heap.validate().valid());
  }
  for (const Block& block : blocks) {
    if (block.begin != nullptr) heap.deallocate(block.begin, block.size);
  }
  check.that(heap.stats().live_bytes == 0);
  return check.failed();
}

int alignment_run() {
  static constinit RawAlloc<Wasm> heap;
  Checks check;
  for (std::size_t alignment = 1; alignment <= 1 * MiB; alignment *= 2) {
    const auto block = heap.allocate({40, alignment});
    check.that(block.ok() && is_aligned(block.value, alignment));
    check.that(heap.stats().conserved() && heap.validate().valid());
    if (block.ok()) heap.deallocate(block.value, 40);
  }
  check.that(heap.allocate({40, 24}).error == invalid_argument);
  check.that(heap.allocate({SIZE_MAX, 8}).error == out_of_memory);
  check.that(heap.allocate({max_request, 8}).error == out_of_memory);
  check.that(heap.stats().live_bytes == 0);
  return check.failed();
}

int memory_grow_run() {
  Checks check;
  Wasm grower;
  const std::size_t before = __builtin_wasm_memory_size(0);
  const auto first = grower.grow(100);
  check.that(first.ok() && first.value.size == 64 * KiB);
  check.that(__builtin_wasm_memory_size(0) == before + 1);
  check.that(*first.value.begin == std::byte{0});
  const auto second = grower.extend(first.value.end(), 64 * KiB + 1);
  check.that(second.ok() && second.value.begin == first.value.end() && second.value.size == 128 * KiB);
  check.that(!grower.extend(first.value.end(), 1).ok());
  check.that(grower.grow(max_request).error == out_of_memory);
  check.that(grower.pages() == 3 && grower.grow(0).value.empty());
  *(second.value.end() - 1) = std::byte{1};

  // A heap whose only block is as long as the memory grows with it: in place, whatever its size.
  static constinit RawAlloc<Wasm> heap;
  auto block = heap.allocate({1000});
  std::byte* const begin = block.value;
  for (std::size_t size = 1000; size < 4 * MiB; size *= 2) {
    block = heap.reallocate(begin, size, {2 * size});
    check.that(block.ok() && block.value == begin);
  }
  check.that(heap.stats().conserved() && heap.validate().valid());
  return check.failed();
}

int wrappers_run() {
  static constinit RawAlloc<Counting<FailingAt<Fallback<ToyHeap<1024, 64>, AtLeast<Wasm, 256 * KiB>>>>> heap;
  Checks check;
  heap.grower().fail_at(Duty::grow, 2);
  const auto first = heap.allocate({900});
  check.that(first.ok() && heap.grower().first().owns({first.value, 900}));
  check.that(!heap.allocate({900}).ok());
  const auto second = heap.allocate({900});
  check.that(second.ok() && !heap.grower().first().owns({second.value, 900}));
  check.that(heap.grower().second().pages() == 4);
  check.that(heap.grower().tally(Duty::grow).failures == 1);

  Bounded<Wasm> bounded{128 * KiB};
  check.that(bounded.grow(1).ok() && bounded.grow(1).ok() && !bounded.grow(1).ok());
  return check.failed();
}

// Pointers alone suffice: sizes are sealed in front of the blocks, on 32 bits too.
int size_prefixed_run() {
  alignas(64) static std::byte memory[64 * KiB];
  static SizePrefixed<Locked<RawAlloc<ToyHeap<64 * KiB>>, NoLock>> heap;
  Checks check;
  void* pointers[32];
  for (std::size_t i = 0; i < 32; ++i) {
    pointers[i] = heap.allocate(i * 9, 16);
    check.that(pointers[i] != nullptr && is_aligned(pointers[i], 16));
    check.that(heap.usable_size(pointers[i]) >= i * 9);
    check.that(heap.owns(pointers[i]) && !heap.owns(memory + 16));
  }
  pointers[3] = heap.reallocate(pointers[3], 5000);
  check.that(pointers[3] != nullptr);
  check.that(heap.reallocate(pointers[3], SIZE_MAX) == nullptr);
  for (void* const pointer : pointers) check.that(heap.deallocate(pointer));
  check.that(!heap.deallocate(memory + 16));
  check.that(heap.stats().live_bytes == 0 && heap.stats().conserved());
  return check.failed();
}

int double_free_run() {
  static constinit RawAlloc<ToyHeap<>> heap;
  const auto block = heap.allocate({64});
  heap.deallocate(block.value, 64);
  heap.deallocate(block.value, 64);  // the module ends here
  return 0;
}

}  // namespace
}  // namespace basalt

extern "C" {
__attribute__((export_name("run_reference"))) int run_reference() { return basalt::reference_run(); }
__attribute__((export_name("run_random_in_an_array"))) int run_random_in_an_array() {
  static constinit basalt::RawAlloc<basalt::ToyHeap<>> heap;
  return basalt::random_run(heap);
}
__attribute__((export_name("run_random_in_linear_memory"))) int run_random_in_linear_memory() {
  static constinit basalt::RawAlloc<basalt::Wasm, basalt::BestFit> heap;
  return basalt::random_run(heap);
}
__attribute__((export_name("run_alignment"))) int run_alignment() { return basalt::alignment_run(); }
__attribute__((export_name("run_memory_grow"))) int run_memory_grow() { return basalt::memory_grow_run(); }
__attribute__((export_name("run_wrappers"))) int run_wrappers() { return basalt::wrappers_run(); }
__attribute__((export_name("run_size_prefixed"))) int run_size_prefixed() {
  return basalt::size_prefixed_run();
}
__attribute__((export_name("end_by_double_free"))) int end_by_double_free() {
  return basalt::double_free_run();
}
}
