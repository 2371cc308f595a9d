// Plays a script on whatever allocator it was started with: a program of its own, so that nothing but the script allocates.
//
//   basalt-player SCRIPT ANSWER time|own|memory|latency none|first|all
//
// It uses libc only, and what it needs it maps.
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "platform/ticks.hpp"
#include "script.hpp"

namespace {

using namespace basalt::replay;

using Slot = std::atomic<
    std::
        uint64_t>;  // 48 bits of address, 16 of generation; release by who fills it, acquire by who empties it

constexpr unsigned generation_shift = 48;
constexpr std::uint64_t address_mask = (std::uint64_t{1} << generation_shift) - 1;
constexpr std::uint64_t refused = 1;  // stands for the address of an allocation that failed
constexpr std::size_t page = 4096;
constexpr off_t most_held = 256 << 20;  // bytes of a script that are there all the time

// Powers of two, each in 16 parts: what is read from it is 6 % off at most.
class Histogram {
 public:
  void add(std::uint64_t value) { counts_[index_of(value)].fetch_add(1, std::memory_order_relaxed); }

  // Returns: the least value of the part in which that share of all is reached.
  [[nodiscard]] std::uint64_t at(double share) const {
    std::uint64_t total = 0;
    for (const auto& count : counts_) total += count.load(std::memory_order_relaxed);
    std::uint64_t seen = 0;
    for (unsigned i = 0; i != parts; ++i) {
      seen += counts_[i].load(std::memory_order_relaxed);
      if (seen != 0 && static_cast<double>(seen) >= share * static_cast<double>(total)) return value_of(i);
    }
    return 0;
  }

 private:
  static constexpr unsigned parts = 64 * 16;
  static unsigned index_of(std::uint64_t value) {
    if (value < 16) return static_cast<unsigned>(value);
    const unsigned top = 63 - static_cast<unsigned>(std::countl_zero(value));
    return (top - 3) * 16 + static_cast<unsigned>(value >> (top - 4) & 15);
  }
  static std::uint64_t value_of(unsigned index) {
    if (index < 16) return index;
    return (16 + std::uint64_t{index % 16}) << (index / 16 - 1);
  }
  std::atomic<std::uint64_t> counts_[parts];
};

const ScriptHead* head;
bool is_long;
Slot* slots;
std::uint64_t* samples;
std::uint64_t baseline;
Histogram histogram;
Measure measure;
Touch touch;
std::atomic<std::uint64_t> failed;
pthread_barrier_t meeting;  // of all threads, at the start and at samples

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::_Exit(3);
}

// What the kernel does not know of is done by faults, one page at a time.
void advise(const ScriptOp* ops, std::uint64_t count, int advice) {
  const auto begin = reinterpret_cast<std::uintptr_t>(ops) / page * page;
  const auto end = reinterpret_cast<std::uintptr_t>(ops + count);
  (void)::madvise(reinterpret_cast<void*>(begin), end - begin, advice);
}

void* map(std::size_t bytes) {
  void* const place =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (place == MAP_FAILED) give_up("basalt-player: memory");
  return place;
}

// Returns: bytes of this process that are resident and not from a file, as the kernel counts them by walking.
std::uint64_t resident() {
  static char text[8192];
  const int file = ::open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);
  const ssize_t size = ::read(file, text, sizeof text - 1);
  ::close(file);
  if (size <= 0) return 0;
  text[size] = '\0';
  const char* const line = std::strstr(text, "\nAnonymous:");
  return line == nullptr ? 0 : std::strtoull(line + std::strlen("\nAnonymous:"), nullptr, 10) * 1024;
}

std::uint64_t now_ns(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

void use(void* p, std::size_t size) {
  auto* const bytes = static_cast<volatile char*>(p);
  if (touch == Touch::all) {
    std::memset(p, 1, size);
  } else if (touch == Touch::first) {
    for (std::size_t at = 0; at < size; at += page) bytes[at] = 1;
  }
}

void* allocate(const ScriptOp& op) {
  switch (op.what) {
    case Do::allocate:
      return std::malloc(op.size);
    case Do::allocate_zeroed:
      return std::calloc(1, op.size);
    default:
      break;
  }
  void* p = nullptr;
  const std::size_t alignment = std::size_t{1} << op.alignment_log2;
  return ::posix_memalign(&p, alignment < sizeof p ? sizeof p : alignment, op.size) == 0 ? p : nullptr;
}

// Returns: the address that is in the slot once it has that generation.
std::uint64_t wait_for(Slot& slot, std::uint16_t generation) {
  for (unsigned look = 0;; ++look) {
    const std::uint64_t word = slot.load(std::memory_order_acquire);
    if (word >> generation_shift == generation && (word & address_mask) != 0) return word & address_mask;
    if (look > 100) ::sched_yield();
  }
}

void fill(Slot& slot, std::uint16_t generation, void* p, std::size_t size) {
  std::uint64_t address = reinterpret_cast<std::uintptr_t>(p);
  if (p == nullptr) {
    address = refused;
    failed.fetch_add(1, std::memory_order_relaxed);
  } else if (measure != Measure::own) {
    use(p, size);
  }
  slot.store(address | std::uint64_t{generation} << generation_shift, std::memory_order_release);
}

void* pointer_of(std::uint64_t address) {
  return address == refused ? nullptr : reinterpret_cast<void*>(address);
}

// All threads are at the same event of the program while one of them looks.
void look(const ScriptOp& op) {
  if (measure != Measure::memory) return;
  if (pthread_barrier_wait(&meeting) != 0) samples[op.slot] = resident();  // of one of them it is not 0
  pthread_barrier_wait(&meeting);
}

void carry_out(const ScriptOp& op) {
  if (op.what == Do::sample) return look(op);
  Slot& slot = slots[op.slot];
  if (op.what == Do::free) {
    void* const p = pointer_of(wait_for(slot, op.generation));
    slot.store(0, std::memory_order_relaxed);
    std::free(p);
  } else if (op.what == Do::reallocate) {
    void* const old = pointer_of(wait_for(slot, static_cast<std::uint16_t>(op.generation - 1)));
    void* const moved = std::realloc(old, op.size);
    if (moved == nullptr) std::free(old);
    fill(slot, op.generation, moved, op.size);
  } else {
    fill(slot, op.generation, allocate(op), op.size);
  }
}

// The same without an allocator: what remains is reading the script, and waiting.
void pretend(const ScriptOp& op) {
  if (op.what == Do::sample) return;
  Slot& slot = slots[op.slot];
  if (op.what == Do::free) {
    (void)wait_for(slot, op.generation);
    slot.store(0, std::memory_order_relaxed);
    return;
  }
  if (op.what == Do::reallocate) (void)wait_for(slot, static_cast<std::uint16_t>(op.generation - 1));
  fill(slot, op.generation, &slot, op.size);
}

void play_piece(const ScriptOp* ops, std::uint64_t count) {
  for (std::uint64_t i = 0; i != count; ++i) {
    if (measure == Measure::own) {
      pretend(ops[i]);
    } else if (measure == Measure::latency) {
      const std::uint64_t begin = basalt::ticks();
      carry_out(ops[i]);
      if (ops[i].what != Do::sample) histogram.add(basalt::ticks() - begin);
    } else {
      carry_out(ops[i]);
    }
  }
}

// A script that is long is brought piece by piece, and let go of behind: memory is for what the script does. That counts as the
// player's own time.
void play(const ScriptThread& thread) {
  constexpr std::uint64_t piece = 1 << 20;  // operations
  const auto* const threads = reinterpret_cast<const ScriptThread*>(head + 1);
  const auto* const ops = reinterpret_cast<const ScriptOp*>(threads + head->threads) + thread.first;
  for (std::uint64_t done = 0; done < thread.count; done += piece) {
    const std::uint64_t count = thread.count - done < piece ? thread.count - done : piece;
    if (is_long) advise(ops + done, count, MADV_POPULATE_READ);
    play_piece(ops + done, count);
    if (is_long) advise(ops + done, count, MADV_DONTNEED);
  }
}

void* run(void* thread) {
  pthread_barrier_wait(&meeting);
  play(*static_cast<const ScriptThread*>(thread));
  return nullptr;
}

// The first thread of the script is the player's own.
void play_all() {
  const auto* const threads = reinterpret_cast<const ScriptThread*>(head + 1);
  auto* const others = static_cast<pthread_t*>(map(head->threads * sizeof(pthread_t)));
  pthread_barrier_init(&meeting, nullptr, static_cast<unsigned>(head->threads));
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 256 * 1024);
  for (std::uint64_t i = 1; i < head->threads; ++i) {
    if (pthread_create(&others[i], &small, run, const_cast<ScriptThread*>(&threads[i])) != 0)
      give_up("basalt-player: thread");
  }
  baseline = measure == Measure::memory ? resident() : 0;
  run(const_cast<ScriptThread*>(&threads[0]));
  for (std::uint64_t i = 1; i < head->threads; ++i) pthread_join(others[i], nullptr);
}

void open_script(const char* path) {
  const int file = ::open(path, O_RDONLY | O_CLOEXEC);
  struct stat facts {};
  if (file < 0 || ::fstat(file, &facts) != 0) give_up("basalt-player: script");
  is_long = facts.st_size > most_held;
  void* const place = ::mmap(nullptr, static_cast<std::size_t>(facts.st_size), PROT_READ,
                             MAP_SHARED | (is_long ? 0 : MAP_POPULATE), file, 0);
  if (place == MAP_FAILED) give_up("basalt-player: script");
  ::close(file);
  head = static_cast<const ScriptHead*>(place);
  slots = static_cast<Slot*>(map((head->slots + 1) * sizeof(Slot)));
  samples = static_cast<std::uint64_t*>(map((head->samples + 1) * sizeof(std::uint64_t)));
}

void write_answer(const char* path, const Answer& answer) {
  const int file = ::open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const std::size_t bytes = head->samples * sizeof(std::uint64_t);
  for (std::uint64_t i = 0; i != head->samples; ++i)
    samples[i] -= samples[i] < baseline ? samples[i] : baseline;
  const bool written = ::write(file, &answer, sizeof answer) == static_cast<ssize_t>(sizeof answer) &&
                       ::write(file, samples, bytes) == static_cast<ssize_t>(bytes);
  if (!written) give_up("basalt-player: answer");
  ::close(file);
}

}  // namespace

int main(int count, char** words) {
  if (count != 5) return 2;
  const char measures[] = "toml";  // time, own, memory, latency: their first letters
  const char touches[] = "nfa";
  const char* const wished = std::strchr(measures, words[3][0]);
  const char* const touched = std::strchr(touches, words[4][0]);
  if (wished == nullptr || touched == nullptr) return 2;
  measure = static_cast<Measure>(wished - measures);
  touch = static_cast<Touch>(touched - touches);
  open_script(words[1]);
  Answer answer;
  const std::uint64_t wall = now_ns(CLOCK_MONOTONIC), cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID);
  play_all();
  answer.wall_ns = now_ns(CLOCK_MONOTONIC) - wall;
  answer.cpu_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu;
  answer.failed = failed.load(std::memory_order_relaxed);
  answer.p50_ticks = histogram.at(0.5), answer.p99_ticks = histogram.at(0.99);
  answer.p999_ticks = histogram.at(0.999), answer.longest_ticks = histogram.at(1);
  answer.samples = head->samples;
  write_answer(words[2], answer);
  return 0;
}
