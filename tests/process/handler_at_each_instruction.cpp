// Row 47, without chance: a malloc or a free is stepped through, and after each of its instructions a handler of signals takes
// blocks of the same class and gives them back, last in first out. No block may have two owners then, whatever the bin
// held and however many the handler took.
// runs: none
// engine runs: preload global static
// hardened runs: preload
#include <csignal>
#include <cstring>

#include <algorithm>
#include <thread>
#include <utility>

#include <malloc.h>
#include <sys/mman.h>

#include "support/process.hpp"

extern "C" int basalt_option_set(const char* name, const char* value) __attribute__((weak));

#if defined(__x86_64__)
#include <ucontext.h>

namespace {

constexpr long trap_flag = 0x100;
constexpr int most_taken = 80;
constexpr int on_slow_paths = 64;
// Blocks that the program takes afterwards: what might have two owners is what came last.
constexpr int checked = 40;
constexpr int short_path = 45;  // instructions, at most; on the slow path that follows, not each is looked at
constexpr int stride = 211;

// A trim by another thread is carried out when this one is on a slow path next: in the handler, if it gets there.
enum class Trim { none, by_handler, by_another };

struct Case {
  std::size_t size;
  int first;                        // blocks that the program takes,
  int back;                         // of which it gives so many back,
  bool is_free;                     // before it calls free, or malloc
  int taken;                        // by the handler
  bool gives_back_at_once = false;  // the program does, what it gets
  Trim trim = Trim::none;           // by the handler, when it has all; or by another thread, before the call
};

// What became of it, told by the child.
struct Outcome {
  int steps;       // that there were: the handler came after the chosen one, or there was none so late
  const char* at;  // what the child was at
};

Outcome* outcome = nullptr;
int chosen_step = 0;
int handler_takes = 0;
Trim handler_trims = Trim::none;
std::size_t size = 0;  // bytes of all blocks, but for a few
constexpr std::size_t other_size = 600;
constexpr int few = 6;
constexpr std::size_t least = 100;  // bytes of the shortest

struct Blocks {
  unsigned char* at[checked + 1];
  int count = 0;

  void take(std::size_t bytes) {
    auto* const fresh = static_cast<unsigned char*>(std::malloc(bytes));
    CHECK(fresh != nullptr);
    keep(fresh);
  }
  void keep(unsigned char* fresh) {
    at[count] = fresh;
    fresh[0] = fresh[least - 1] = static_cast<unsigned char>(count);
    ++count;
  }
  unsigned char* leave() { return at[--count]; }
  void give_back_all() {
    while (count > 0) std::free(leave());
  }
  void give_back_all_but_last() {
    for (int i = 0; i + 1 < count; ++i) std::free(at[i]);
    if (count > 1) at[0] = at[count - 1];
    if (count != 0) at[0][0] = at[0][least - 1] = 0;
    count = std::min(count, 1);
  }
  void check() const {
    for (int i = 0; i < count; ++i) {
      CHECK(at[i][0] == static_cast<unsigned char>(i) && at[i][least - 1] == static_cast<unsigned char>(i));
    }
  }
};

// On a slow path there are only so many blocks for handlers.
void take_and_give_back() {
  static unsigned char* blocks[most_taken];
  for (int i = 0; i < handler_takes; ++i) {
    blocks[i] = static_cast<unsigned char*>(std::malloc(size));
    CHECK(blocks[i] != nullptr || i >= on_slow_paths);
    if (blocks[i] != nullptr) blocks[i][0] = blocks[i][size - 1] = static_cast<unsigned char>(i);
  }
  if (handler_trims == Trim::by_handler) malloc_trim(0);
  for (int i = handler_takes; i-- > 0;) {
    CHECK(blocks[i] == nullptr || (blocks[i][0] == i && blocks[i][size - 1] == i));
    std::free(blocks[i]);
  }
}

void after_an_instruction(int, siginfo_t*, void* context) {
  if (++outcome->steps != chosen_step) return;
  take_and_give_back();
  static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_EFL] &= ~trap_flag;
}

// The red zone below the stack pointer is the compiler's.
inline void step_from_here() {
  asm volatile("lea -128(%%rsp), %%rsp\n pushfq\n orq $0x100, (%%rsp)\n popfq\n lea 128(%%rsp), %%rsp" ::
                   : "memory", "cc");
}
inline void run_from_here() {
  asm volatile("lea -128(%%rsp), %%rsp\n pushfq\n andq $~0x100, (%%rsp)\n popfq\n lea 128(%%rsp), %%rsp" ::
                   : "memory", "cc");
}

void play(const Case& now) {
  static Blocks mine;
  static Blocks others;  // of a class whose bin has its array beside
  outcome->at = "before";
  size = now.size;
  for (int i = 0; i < few; ++i) others.take(other_size);
  others.give_back_all();
  for (int i = 0; i < now.first; ++i) mine.take(size);
  for (int i = 0; i < now.back; ++i) std::free(mine.leave());
  handler_takes = now.taken;
  handler_trims = now.trim;
  if (now.trim == Trim::by_another) std::thread{[] { malloc_trim(0); }}.join();
  outcome->at = "in the call";
  if (now.is_free) {
    unsigned char* const last = mine.leave();
    step_from_here();
    std::free(last);
    run_from_here();
  } else {
    step_from_here();
    void* const fresh = std::malloc(size);
    run_from_here();
    CHECK(fresh != nullptr);
    mine.keep(static_cast<unsigned char*>(fresh));
  }
  outcome->at = "after it";
  if (now.gives_back_at_once && mine.count > 0) std::free(mine.leave());
  mine.check();
  mine.give_back_all_but_last();
  for (int i = 0; i < checked; ++i) mine.take(size);
  mine.check();
  mine.give_back_all();
  for (int i = 0; i < checked; ++i) mine.take(size);
  mine.check();
  for (int i = 0; i < checked; ++i) others.take(other_size);
  others.check();
  process::heap_must_be_valid();
}

// Returns: whether the call was that long.
bool play_in_child(const Case& now, int step) {
  chosen_step = step;
  outcome->steps = 0;
  const pid_t child = ::fork();
  CHECK(child >= 0);
  if (child == 0) {
    ::alarm(60);
    play(now);
    ::_exit(0);
  }
  int status = 0;
  CHECK(::waitpid(child, &status, 0) == child);
  if (status != 0) {
    std::fprintf(
        stderr,
        "%d blocks of %zu bytes, %d of them given back, then %s, and after its instruction %d a handler "
        "that takes %d and trims %d: status %d, %s\n",
        now.first, now.size, now.back, now.is_free ? "free" : "malloc", step, now.taken,
        static_cast<int>(now.trim), status, outcome->at);
  }
  CHECK(status == 0);
  return outcome->steps >= step;
}

// Returns: how many handlers there were. The later instructions are others in each case.
int sweep(const Case& now, int later = std::max(1, stride / process::times(1))) {
  static int cases = 0;
  int handlers = 0;
  for (int step = 1; play_in_child(now, step); ++handlers)
    step += step < short_path ? 1 : step == short_path ? 1 + cases % later : later;
  ++cases;
  return handlers;
}

}  // namespace

int main() {
  process::must_be_ours();
  // So that bins of short blocks are soon as wide as they may be.
  CHECK(basalt_option_set("cache", "8K") == 0);
  void* const shared =
      ::mmap(nullptr, sizeof(Outcome), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(shared != MAP_FAILED);
  outcome = static_cast<Outcome*>(shared);
  struct sigaction action {};
  action.sa_sigaction = after_an_instruction;
  action.sa_flags = SA_SIGINFO;
  CHECK(sigaction(SIGTRAP, &action, nullptr) == 0);
  int handlers = 0;
  for (const std::size_t bytes : {100UL, 400UL}) {
    for (const bool is_free : {false, true}) {
      for (const auto& [first, back] : {std::pair{1, 0}, {2, 0}, {5, 4}, {15, 0}, {40, 4}, {40, 19}}) {
        for (const int taken : {1, 12, 24, 71})
          handlers += sweep({bytes, first, back, is_free, taken, taken == 24});
        handlers += sweep({bytes, first, back, is_free, 1, false, Trim::by_handler});
        handlers += sweep({bytes, first, back, is_free, 4, false, Trim::by_another});
      }
    }
  }
  // The slow paths: of a bin that gets its first array, and of one that is full.
  handlers += sweep({100, 0, 0, false, 9}, 11);
  handlers += sweep({400, 40, 19, true, 20}, 11);
  process::figure(handlers, "handlers, one after each instruction of a call");
}

#else

int main() { process::skip("stepping is known for x86-64 only"); }

#endif
