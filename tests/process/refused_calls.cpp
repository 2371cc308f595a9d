// The library as it ships, watched from outside: a tracer refuses the k-th system call by which it asks for memory, returns
// some, or gives advice, for every k of a short program; then every such call from the k-th on; then every two of them (here
// for some of all these, under script/soak for all). The program gets NULL with ENOMEM or its memory; it never crashes and
// never hangs; when one call or two were refused, asking again as often is enough, and no block is lost.
// runs: preload
// engine runs: shipped
// hardened runs: shipped
#include <basalt/basalt.h>

#include <malloc.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>

#include <climits>

#include "support/process.hpp"

extern "C" decltype(basalt_stats) basalt_stats __attribute__((weak));  // it is preloaded, not linked

#if defined(__x86_64__)

namespace {

constexpr std::size_t mib = 1 << 20;

constexpr int for_good = 3;  // more refusals than two

// ---- the program that is watched

int refusals = 1;  // that it has to expect: one, two, or without end

// Returns: what `ask` gave, or nullptr if it was refused for good.
template <class Ask>
void* ask_again(Ask ask) {
  for (int asked = 0; asked <= refusals; ++asked) {
    errno = 0;
    if (void* const block = ask(); block != nullptr) return block;
    CHECK(errno == ENOMEM);
  }
  CHECK(refusals == for_good);
  return nullptr;
}

void fill_and_check(void* block, std::size_t size) {
  if (block == nullptr) return;
  auto* const bytes = static_cast<unsigned char*>(block);
  bytes[0] = bytes[size / 2] = bytes[size - 1] = 7;
  CHECK(malloc_usable_size(block) >= size);
}

void* grown(void* block, std::size_t from, std::size_t to) {
  if (block == nullptr) return nullptr;
  void* const longer = ask_again([&] { return std::realloc(process::opaque(block), to); });
  void* const now = longer == nullptr ? block : longer;  // a refusal leaves the old one as it was
  CHECK(static_cast<unsigned char*>(now)[from - 1] == 7);
  return now;
}

void all_functions() {
  void* held[60] = {};
  std::size_t size = 8;
  for (void*& block : held) {
    block = ask_again([&] { return std::malloc(size); });
    fill_and_check(block, size);
    size += size / 3 + 1;
    if (size > 4 * mib) size = 24;
  }
  void* zeroed = ask_again([] { return std::calloc(3, mib); });
  CHECK(zeroed == nullptr || static_cast<unsigned char*>(zeroed)[2 * mib] == 0);
  void* aligned = ask_again([] { return ::aligned_alloc(1 << 16, 1 << 17); });
  CHECK(reinterpret_cast<std::uintptr_t>(aligned) % (1 << 16) == 0);
  void* huge = ask_again([] { return std::malloc(9 * mib); });
  fill_and_check(huge, 9 * mib);
  huge = grown(huge, 9 * mib, 40 * mib);
  for (int i = 0; i < 60; i += 2) std::free(held[i]);
  malloc_trim(0);
  for (int i = 1; i < 60; i += 2) std::free(held[i]);
  std::free(zeroed);
  std::free(aligned);
  std::free(huge);
  malloc_trim(0);
}

std::size_t live_bytes() {
  basalt_heap_stats stats;
  basalt_stats(&stats);
  return stats.live_bytes;
}

void all_functions_losing_nothing() {
  const std::size_t before = live_bytes();
  all_functions();
  CHECK(live_bytes() == before);
}

void* on_thread(void*) {
  all_functions();
  return nullptr;
}

[[noreturn]] void be_watched() {
  all_functions_losing_nothing();
  pthread_t thread;  // its own memory is ours to give too: libc may be refused it
  if (pthread_create(&thread, nullptr, on_thread, nullptr) == 0) pthread_join(thread, nullptr);
  all_functions_losing_nothing();
  process::heap_must_be_valid();
  ::_exit(0);
}

// ---- the one that watches

// The numbers of the calls that are refused, counted from 1; `second` is 0 where there is only one.
struct Refused {
  int first;
  int second;
  int times;  // 1, 2, or for_good: `first` and all that follow

  [[nodiscard]] bool has(int call) const {
    return times == for_good ? call >= first : call == first || call == second;
  }
};
constexpr Refused nothing{INT_MAX, 0, 1};

struct Watch {
  Refused refused;
  int seen = 0;
  int refused_so_far = 0;
  int status = 0;
  bool refusing = false;  // between a refused call's entry and its end
};

struct Image {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
};

// Returns: where the library lies in a process, nothing as long as it does not.
Image image_in(pid_t program, const char* library) {
  char path[64];
  std::snprintf(path, sizeof path, "/proc/%d/maps", program);
  std::FILE* const maps = std::fopen(path, "r");
  CHECK(maps != nullptr);
  Image image;
  char line[1024];
  while (std::fgets(line, sizeof line, maps) != nullptr) {
    unsigned long begin = 0;
    unsigned long end = 0;
    if (std::strstr(line, library) == nullptr || std::strstr(line, "r-xp") == nullptr) continue;
    if (std::sscanf(line, "%lx-%lx", &begin, &end) == 2) image = {begin, end};
  }
  std::fclose(maps);
  return image;
}

bool may_be_refused(unsigned long call) {
  return call == SYS_mmap || call == SYS_munmap || call == SYS_madvise || call == SYS_mprotect ||
         call == SYS_mremap;
}

// The kernel tells of a call when it begins and when it ends; at its beginning rax holds -ENOSYS.
void at_call(pid_t thread, Watch& watch, Image& image) {
  user_regs_struct registers;
  if (::ptrace(PTRACE_GETREGS, thread, nullptr, &registers) != 0) return;
  if (watch.refusing) {
    registers.rax = static_cast<unsigned long long>(-ENOMEM);
    watch.refusing = false;
    CHECK(::ptrace(PTRACE_SETREGS, thread, nullptr, &registers) == 0);
    return;
  }
  const bool begins = registers.rax == static_cast<unsigned long long>(-ENOSYS);
  if (!begins || !may_be_refused(registers.orig_rax)) return;
  if (image.begin == 0) image = image_in(thread, std::getenv("LD_PRELOAD"));
  if (registers.rip < image.begin || registers.rip >= image.end) return;
  if (!watch.refused.has(++watch.seen)) return;
  ++watch.refused_so_far;
  registers.orig_rax = static_cast<unsigned long long>(-1);
  watch.refusing = true;
  CHECK(::ptrace(PTRACE_SETREGS, thread, nullptr, &registers) == 0);
}

// Only one thread of the program runs at a time, so one flag tells whose call is being refused.
void follow(pid_t program, Watch& watch) {
  Image image;
  for (;;) {
    int status = 0;
    const pid_t thread = ::waitpid(-1, &status, __WALL);
    CHECK(thread > 0);
    if (!WIFSTOPPED(status)) {
      if (thread != program) continue;
      watch.status = status;
      return;
    }
    int deliver = WSTOPSIG(status);
    if (deliver == (SIGTRAP | 0x80)) at_call(thread, watch, image);
    if (deliver == (SIGTRAP | 0x80) || deliver == SIGTRAP || deliver == SIGSTOP) deliver = 0;
    ::ptrace(PTRACE_SYSCALL, thread, nullptr, deliver);
  }
}

void watched_run(Watch& watch) {
  const pid_t program = ::fork();
  if (program == 0) {
    ::alarm(20);
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(process::skipped);
    ::raise(SIGSTOP);
    const char number[] = {static_cast<char>('0' + watch.refused.times), '\0'};
    ::execl("/proc/self/exe", "refused_calls", number, nullptr);
    ::_exit(126);
  }
  int status = 0;
  CHECK(::waitpid(program, &status, 0) == program);
  if (!WIFSTOPPED(status)) process::skip("nothing may be traced");
  CHECK(::ptrace(PTRACE_SETOPTIONS, program, nullptr,
                 PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL) == 0);
  CHECK(::ptrace(PTRACE_SYSCALL, program, nullptr, 0) == 0);
  follow(program, watch);
}

// ld.so and libstdc++ ask before main begins; ld.so then says so and ends with 127.
bool ended_well(const Watch& watch) {
  constexpr int before_main = 8;
  if (process::succeeded(watch.status)) return true;
  return watch.refused.first <= before_main && WIFEXITED(watch.status) && WEXITSTATUS(watch.status) == 127;
}

struct Tally {
  int runs = 0;
  int failures = 0;
};

void refuse(const Refused& refused, Tally& tally) {
  Watch watch{refused};
  watched_run(watch);
  ++tally.runs;
  if (ended_well(watch)) return;
  ++tally.failures;
  const char* const how = refused.times == for_good ? "and all that follow" : "";
  std::fprintf(stderr, "calls %d %d %s refused: wait status %#x\n", refused.first, refused.second, how,
               static_cast<unsigned>(watch.status));
}

// Of all runs there could be, this process does every `step`-th; under script/soak all, or those of its piece of the work.
class Choice {
 public:
  explicit Choice(int step) : step_{process::times(1) > 1 ? 1 : step} {}
  [[nodiscard]] bool takes_next() {
    const int number = number_++;
    return number % step_ == 0 && process::is_in_piece(number / step_);
  }

 private:
  int step_;
  int number_ = 0;
};

Tally refuse_each(int calls, int times) {
  Tally tally;
  Choice choice{times * (1 + calls / 60)};
  for (int k = 1; k <= calls; ++k) {
    if (choice.takes_next()) refuse({k, 0, times}, tally);
  }
  return tally;
}

Tally refuse_pairs(int calls) {
  Tally tally;
  Choice choice{1 + calls * calls / 2 / 60};
  for (int k = 1; k <= calls; ++k) {
    for (int j = k + 1; j <= calls; ++j) {
      if (choice.takes_next()) refuse({k, j, 2}, tally);
    }
  }
  return tally;
}

}  // namespace

int main(int count, char** words) {
  if (count > 1) {
    refusals = std::atoi(words[1]);
    be_watched();
  }
  process::must_be_ours();
  Watch none{nothing};
  watched_run(none);
  CHECK(process::succeeded(none.status) && none.seen > 10);  // or nothing would be refused below
  const Tally alone = refuse_each(none.seen, 1);
  const Tally from_there = refuse_each(none.seen, for_good);
  const Tally pairs = refuse_pairs(none.seen);
  process::figure(none.seen, "system calls at most that one run makes");
  process::figure(alone.runs, "runs with one of them refused");
  process::figure(from_there.runs, "with one and all that follow");
  process::figure(pairs.runs, "with two");
  CHECK(alone.failures + from_there.failures + pairs.failures == 0);
}

#else

int main() { process::skip("the tracer knows the registers of x86-64 only"); }

#endif
