// The memory that a program under observation shares with who records it: a file that both have mapped.
//
//   | RecordingHead | its maps, as /proc/self/maps had them at first | ring of records |
//
// Any thread writes the next record, and one reader takes them in that order. The order of the numbers is the order of events: a
// block's number is drawn after it was allocated, and that of its free before it is freed. Drawing one is a single atomic
// addition, so nothing here can be interrupted halfway by a handler of a signal.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "../base/atomics.hpp"
#include "../base/bits.hpp"
#include "../base/published.hpp"

namespace basalt::observe {

// What a record is about. `resizing` takes a block away, and `resized` of the same thread brings it back, as it was or elsewhere.
enum class Note : std::uint8_t {
  allocate,
  allocate_zeroed,
  allocate_aligned,
  resizing,
  resized,  // with pointer 0: it failed, and the block is as it was
  free,
  thread_start,
  thread_end,
  stack,  // what a number of a stack stands for: `count` addresses follow, in records of three
  calls,
};

// What a record says, in the words of which it is made:
//
//   stamp  number + 1, note, log2 of the alignment
//   a      pointer, and the lower half of the thread's number; or an address
//   b      size, and the upper half; or an address
//   c      number of the stack, and the lower half of the time; or an address
struct RecordContents {
  static constexpr unsigned number_shift = 16, note_shift = 8;
  static constexpr std::uint64_t low48 = (std::uint64_t{1} << 48) - 1;

  std::uint64_t stamp = 0, a = 0, b = 0, c = 0;

  // Returns: the lower half of a stamp.
  [[nodiscard]] static constexpr std::uint32_t kind(Note note, unsigned alignment_log2 = 0) noexcept {
    return std::uint32_t{static_cast<std::uint8_t>(note)} << note_shift | alignment_log2;
  }

  [[nodiscard]] Note note() const noexcept { return static_cast<Note>(stamp >> note_shift & 0xff); }
  [[nodiscard]] std::uint8_t alignment_log2() const noexcept { return static_cast<std::uint8_t>(stamp); }
  [[nodiscard]] std::uint64_t pointer() const noexcept { return a & low48; }
  [[nodiscard]] std::uint64_t size() const noexcept { return b & low48; }
  [[nodiscard]] std::uint32_t thread() const noexcept {
    return static_cast<std::uint32_t>(a >> 48 | (b >> 48) << 16);
  }
  [[nodiscard]] std::uint32_t stack() const noexcept { return static_cast<std::uint32_t>(c >> 32); }
  [[nodiscard]] std::uint32_t time() const noexcept { return static_cast<std::uint32_t>(c); }
};

// Law: record i of the ring holds number n if and only if its stamp says n + 1, and then n % capacity == i.
template <class Atomics>
class RingRecord {
 public:
  struct Words {
    std::uint64_t a, b, c;
  };

  // Requires: the number is the caller's, and what was here before has been read.
  void write(std::uint64_t number, std::uint32_t kind, Words words) noexcept {
    a_.store(words.a, std::memory_order_relaxed);
    b_.store(words.b, std::memory_order_relaxed);
    c_.store(words.c, std::memory_order_relaxed);
    stamp_.store((number + 1) << RecordContents::number_shift | kind, std::memory_order_release);
  }

  // Returns: whether that number is here; then `recorded` is what it says.
  [[nodiscard]] bool read(std::uint64_t number, RecordContents& recorded) const noexcept {
    recorded.stamp = stamp_.load(std::memory_order_acquire);
    if (recorded.stamp >> RecordContents::number_shift != number + 1) return false;
    recorded.a = a_.load(std::memory_order_relaxed);
    recorded.b = b_.load(std::memory_order_relaxed);
    recorded.c = c_.load(std::memory_order_relaxed);
    return true;
  }

 private:
  using Word = typename Atomics::template Atomic<std::uint64_t>;
  Word stamp_, a_, b_, c_;
};
using Record = RingRecord<StdAtomics>;
static_assert(sizeof(Record) == 32);

// Whose turn it is in a ring of so many records: writers draw numbers, and one reader says how far it has come.
template <class Atomics, std::uint64_t capacity>
class RingTurns {
 public:
  // Returns: the first of so many numbers that are the caller's now. Relaxed: the stamps order.
  [[nodiscard]] std::uint64_t draw(std::uint64_t count) noexcept {
    return drawn_.fetch_add(count, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t drawn() const noexcept { return drawn_.load(std::memory_order_relaxed); }

  // All numbers below it were read. Whoever writes in their places sees that they were.
  [[nodiscard]] std::uint64_t consumed() const noexcept { return consumed_.load(std::memory_order_acquire); }
  [[nodiscard]] bool has_room(std::uint64_t number) const noexcept { return number - consumed() < capacity; }
  void consume(std::uint64_t below) noexcept { consumed_.store(below, std::memory_order_release); }

 private:
  alignas(64) typename Atomics::template Atomic<std::uint64_t> drawn_;
  alignas(64) typename Atomics::template Atomic<std::uint64_t> consumed_;
};

// `unwinder`: stacks are found by libunwind, which reads debug information, rather than by frame pointers.
enum class Wish : std::uint32_t { stacks = 1, times = 2, children = 4, unwinder = 8 };

// How the name of an empty file ends that stands for a process that could not be recorded; an errno is before it.
inline constexpr const char* refused_recording = ".refused";

struct RecordingHead {
  static constexpr std::uint64_t right_magic = 0x3143'4552'5453'4142;  // "BASTREC1"
  static constexpr std::uint64_t capacity = 1 << 18;                   // records
  static constexpr std::size_t maps_offset = 4096;
  static constexpr std::size_t maps_room = 252 * KiB;
  static constexpr std::size_t ring_offset = 256 * KiB;
  static constexpr std::size_t file_bytes = ring_offset + capacity * sizeof(Record);

  Published<std::uint64_t> magic;  // last: what is below but for the numbers does not change after that
  std::uint32_t pid;
  std::uint32_t wishes;     // bits of Wish
  std::uint32_t tick_bits;  // how many bits of the clock are not kept
  std::uint32_t maps_bytes;
  RingTurns<StdAtomics, capacity> turns;
  alignas(64) std::atomic<std::uint32_t> stop;  // the reader wants no more
  std::atomic<std::uint32_t> cut;               // a writer gave up waiting, and records no more
  std::atomic<std::uint32_t> reader;            // its process, as writers know it; 0: they do not

  [[nodiscard]] Record* ring() noexcept {
    return reinterpret_cast<Record*>(reinterpret_cast<std::byte*>(this) + ring_offset);
  }
  [[nodiscard]] char* maps() noexcept { return reinterpret_cast<char*>(this) + maps_offset; }
  [[nodiscard]] Record& record(std::uint64_t number) noexcept { return ring()[number % capacity]; }
};
static_assert(sizeof(RecordingHead) <= RecordingHead::maps_offset);

}  // namespace basalt::observe
