// Writes down what a program allocates and frees, for another process to read: see recording.hpp.
//
// No lock, no allocation, and system calls only to begin, to learn how far a stack reaches, and to wait. If the ring is full, a
// thread waits as long as the reader gets on; if that stands still for 100 ms because it is stopped or gone, or for a second because it
// does not get a processor or a disk, the recording ends and the program goes on.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "../base/compiler.hpp"
#include "../base/published.hpp"
#include "../base/text.hpp"
#include "../platform/fatal.hpp"
#include "../platform/images.hpp"
#include "../platform/shared_file.hpp"
#include "../platform/stack.hpp"
#include "../platform/ticks.hpp"
#include "recording.hpp"
#include "stack_numbers.hpp"

namespace basalt::observe {

// What is kept for each thread; at first all 0.
struct RecordedThread {
  std::uint32_t number = 0;  // counted from 1
  bool unwinding = false;    // in an unwinder, which may allocate
  KnownStack stack;
};

// `Thread::recorded()` returns the calling thread's. `Thread::unwind(calls, most)` writes the calls that led here, the innermost first,
// and returns how many: 0 if nothing is here that can.
template <AddressSpaceOs System, class Thread>
class Recorder {
 public:
  static constexpr std::size_t longest_folder = 200;

  // Effects: from now on all is recorded, in a new file in that folder. Says so if that cannot be.
  void begin(const char* folder, std::uint32_t wishes) noexcept {
    std::size_t length = 0;
    for (; folder[length] != '\0' && length < longest_folder; ++length) folder_[length] = folder[length];
    folder_[length] = '\0';
    wishes_ = wishes;
    open();
  }

  void allocated(Note note, const void* p, std::size_t size, unsigned alignment_log2) noexcept {
    RecordingHead* const head = head_.get();
    if (head == nullptr || p == nullptr) return;
    write(*head, RecordContents::kind(note, alignment_log2), p, size,
          wants(Wish::stacks) ? stack_number(*head) : 0);
  }

  // `note` is free or resizing.  Requires: the block is still the caller's.
  void leaving(Note note, const void* p) noexcept {
    RecordingHead* const head = head_.get();
    if (head != nullptr) write(*head, RecordContents::kind(note), p, 0, 0);
  }

  // `p` is nullptr if the block could not be resized.
  void resized(const void* p, std::size_t size) noexcept {
    RecordingHead* const head = head_.get();
    if (head == nullptr) return;
    write(*head, RecordContents::kind(Note::resized), p, size, wants(Wish::stacks) ? stack_number(*head) : 0);
  }

  void thread_ended() noexcept {
    RecordingHead* const head = head_.get();
    if (head != nullptr && Thread::recorded().number != 0)
      write(*head, RecordContents::kind(Note::thread_end), nullptr, 0, 0);
  }

  // Effects: what the parent records stays its own. The child begins anew, or is not recorded.
  void after_fork_in_child() noexcept {
    if (head_.known() == nullptr) return;
    stop();
    Thread::recorded() = {};
    threads_.store(0, std::memory_order_relaxed);
    stacks_.end();
    if (wants(Wish::children)) open();
  }

 private:
  static constexpr std::uint64_t patience_ns = 100'000'000;
  static constexpr std::uint64_t most_patience_ns = 1'000'000'000;  // with one that would go on if it could
  static constexpr std::size_t most_calls = 64;
  static constexpr unsigned most_programs = 1000;  // that one process executes, one after another

  [[nodiscard]] bool wants(Wish wish) const noexcept {
    return (wishes_ & static_cast<std::uint32_t>(wish)) != 0;
  }

  void stop() noexcept { head_.set(nullptr); }

  // Returns: the path of a file in the folder, which is called by the process, a number, and what it is.
  [[nodiscard]] Text path(std::size_t number, const char* kind) const noexcept {
    return Text{} << folder_.data() << "/" << std::size_t{process_number()} << "." << number << kind;
  }

  // The file is counted: a process may execute another program.
  [[gnu::cold]] void open() noexcept {
    Result<std::byte*> place = Result<std::byte*>::failure(Error{EEXIST});
    for (unsigned i = 0; place.error.number == EEXIST && i != most_programs; ++i)
      place = make_shared_file(path(i, ".recording").c_str(), RecordingHead::file_bytes);
    if (!place.ok() || (wants(Wish::stacks) && !stacks_.begin()))
      return refuse(place.ok() ? Error{ENOMEM} : place.error);
    auto* const head = reinterpret_cast<RecordingHead*>(place.value);
    head->pid = process_number();
    head->wishes = wishes_;
    head->tick_bits = fine_tick_bits;
    head->maps_bytes = static_cast<std::uint32_t>(
        read_file("/proc/self/maps", {reinterpret_cast<std::byte*>(head->maps()), RecordingHead::maps_room}));
    head->magic.set(RecordingHead::right_magic);
    head_.set(head);
  }

  // Effects: says why this process is not recorded: to whoever is there, and to the tool, which counts the reasons by their errno.
  [[gnu::cold]] void refuse(Error why) noexcept {
    make_empty_file(path(static_cast<std::size_t>(why.number), refused_recording).c_str());
    Text said = Text{} << "basalt: process " << std::size_t{process_number()} << " is not recorded: ";
    if (why.number == EFBIG) return warn(said << "its files may not be as long as 8.25 MiB (ulimit -f)");
    warn(said << "there is no room for 8 MiB in " << folder_.data() << " (error "
              << static_cast<std::size_t>(why.number) << ")");
  }

  // What is rare is behind calls that come last, so that nothing has to be saved for them.
  void write(RecordingHead& head, std::uint32_t kind, const void* p, std::size_t size,
             std::uint32_t stack) noexcept {
    const std::uint32_t thread = Thread::recorded().number;
    if (thread == 0) [[unlikely]]
      return write_first(head, kind, p, size, stack);
    const std::uint64_t time = wants(Wish::times) ? (ticks() >> fine_tick_bits) & UINT32_MAX : 0;
    const std::uint64_t number = head.turns.draw(1);
    put(head, number, kind,
        {(address_of(p) & RecordContents::low48) | std::uint64_t{thread} << 48,
         (size & RecordContents::low48) | std::uint64_t{thread >> 16} << 48,
         std::uint64_t{stack} << 32 | time});
  }

  [[gnu::cold, gnu::noinline]] void write_first(RecordingHead& head, std::uint32_t kind, const void* p,
                                                std::size_t size, std::uint32_t stack) noexcept {
    Thread::recorded().number = threads_.fetch_add(1, std::memory_order_relaxed) + 1;
    write(head, RecordContents::kind(Note::thread_start), nullptr, 0, 0);
    write(head, kind, p, size, stack);
  }

  // Requires: the number is the caller's.
  void put(RecordingHead& head, std::uint64_t number, std::uint32_t kind, Record::Words words) noexcept {
    if (!head.turns.has_room(number)) [[unlikely]]
      return put_late(head, number, kind, words);
    head.record(number).write(number, kind, words);
  }

  [[gnu::cold, gnu::noinline]] void put_late(RecordingHead& head, std::uint64_t number, std::uint32_t kind,
                                             Record::Words words) noexcept {
    if (wait_for(head, number)) head.record(number).write(number, kind, words);
  }

  // Returns: whether there is room for that number by now.
  [[nodiscard]] bool wait_for(RecordingHead& head, std::uint64_t number) noexcept {
    std::uint64_t since = steady_nanoseconds(), seen = 0, looked = since;
    for (;;) {
      const std::uint64_t consumed = head.turns.consumed();
      if (number - consumed < RecordingHead::capacity) return true;
      if (head.cut.load(std::memory_order_relaxed) != 0 || head.stop.load(std::memory_order_relaxed) != 0)
        break;
      const std::uint64_t now = steady_nanoseconds();
      if (consumed != seen) since = looked = now;
      seen = consumed;
      if (now - since > most_patience_ns) break;
      if (now - looked > patience_ns) {
        if (!would_go_on(head)) break;
        looked = now;
      }
      RawOs::yield();
    }
    head.cut.store(1, std::memory_order_relaxed);
    stop();
    return false;
  }

  // Returns: false if it is sure that the reader is stopped or has ended.
  [[nodiscard]] static bool would_go_on(const RecordingHead& head) noexcept {
    const std::uint32_t reader = head.reader.load(std::memory_order_relaxed);
    const char state = reader == 0 ? '?' : process_state(reader);
    return state != 'T' && state != 't' && state != 'Z' && state != 'X';
  }

  // The stack is told of before the first event that has it; other threads' events may come before that.
  [[nodiscard, gnu::noinline]] std::uint32_t stack_number(RecordingHead& head) noexcept {
    std::array<std::uintptr_t, most_calls> calls;
    const std::size_t count = wants(Wish::unwinder)
                                  ? unwind(calls)
                                  : capture_calls(calls.data(), calls.size(), Thread::recorded().stack);
    if (count == 0) return 0;
    const std::span<const std::uintptr_t> found{calls.data(), count};
    const auto known = stacks_.find(found);
    if (known.is_new) [[unlikely]]
      tell(head, known.number, found);
    return known.number;
  }

  [[nodiscard]] static std::size_t unwind(std::array<std::uintptr_t, most_calls>& calls) noexcept {
    RecordedThread& own = Thread::recorded();
    if (own.unwinding) return 0;
    own.unwinding = true;
    const std::size_t count = Thread::unwind(calls.data(), calls.size());
    own.unwinding = false;
    return count;
  }

  [[gnu::cold, gnu::noinline]] void tell(RecordingHead& head, std::uint32_t stack,
                                         std::span<const std::uintptr_t> calls) noexcept {
    const std::uint64_t records = (calls.size() + 2) / 3;
    std::uint64_t number = head.turns.draw(1 + records);
    put(head, number++, RecordContents::kind(Note::stack), {stack, calls.size(), 0});
    for (std::size_t i = 0; i < calls.size(); i += 3) {
      const auto call = [&](std::size_t at) { return at < calls.size() ? calls[at] : 0; };
      put(head, number++, RecordContents::kind(Note::calls), {call(i), call(i + 1), call(i + 2)});
    }
  }

  Published<RecordingHead*> head_;         // what begin() wrote
  std::atomic<std::uint32_t> threads_{0};  // relaxed: numbers, and nothing else
  std::uint32_t wishes_ = 0;               // before head_ is set
  StackNumbers<System> stacks_;
  std::array<char, longest_folder + 1> folder_{};
};

}  // namespace basalt::observe
