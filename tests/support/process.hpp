// What the tests that are whole programs have in common. They use no test framework: it would allocate, fork and
// make threads on its own account.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <dlfcn.h>
#include <spawn.h>

extern "C" int basalt_is_active(void) __attribute__((weak));
extern "C" const char* basalt_name(void) __attribute__((weak));
extern "C" const char* basalt_validate(void) __attribute__((weak));

extern "C" char** environ;

namespace process {

// What ctest counts as skipped.
inline constexpr int skipped = 77;

[[noreturn]] inline void fail(const char* file, int line, const char* what) {
  std::fprintf(stderr, "%s:%d: failed: %s (errno %d)\n", file, line, what, errno);
  std::fflush(stderr);
  ::_exit(1);
}

#define CHECK(condition)                                               \
  do {                                                                 \
    if (!(condition)) ::process::fail(__FILE__, __LINE__, #condition); \
  } while (false)

[[noreturn]] inline void skip(const char* why) {
  std::printf("not run here: %s\n", why);
  std::fflush(stdout);
  ::_exit(skipped);
}

// Whether it is the library that takes the pages of large blocks as soon as they are freed, and keeps records of all.
inline bool is_hardened() {
  return basalt_name != nullptr && std::strcmp(basalt_name(), "basalt-hardened") == 0;
}

// Without this a test that was not set up as it should be would test the system's allocator, and pass.
inline void must_be_ours() { CHECK(basalt_is_active != nullptr && basalt_is_active() == 1); }

inline void heap_must_be_valid() {
  const char* const broken = basalt_validate();
  if (broken != nullptr) std::fprintf(stderr, "the law is broken: %s\n", broken);
  CHECK(broken == nullptr);
}

// How often to do what should be done very often: `usually` in every run, BASALT_SCALE times that when `script/soak` asks.
[[nodiscard]] inline int times(int usually) {
  const char* const wish = std::getenv("BASALT_SCALE");
  const int scale = wish == nullptr ? 1 : std::atoi(wish);
  return usually * (scale < 1 ? 1 : scale);
}

// Work that takes long is cut: BASALT_PIECE=3/16 asks for the third of sixteen pieces. Without it, all is one piece.
[[nodiscard]] inline bool is_in_piece(int number) {
  const char* const wish = std::getenv("BASALT_PIECE");
  int piece = 1;
  int pieces = 1;
  if (wish != nullptr) CHECK(std::sscanf(wish, "%d/%d", &piece, &pieces) == 2 && pieces > 0);
  return number % pieces == piece - 1;
}

// Says how much was done. `script/soak` adds up the numbers that stand before the same words; where the words say "at most",
// it takes the largest.
inline void figure(long long number, const char* words) {
  std::printf("figure: %lld %s\n", number, words);
  std::fflush(stdout);  // a child must not say it again
}

// Keeps the compiler from seeing where a pointer comes from: it knows what malloc and free mean, and would leave
// out what is tested.
template <class T>
[[nodiscard]] inline T opaque(T value) {
  __asm__ volatile("" : "+r"(value) : : "memory");
  return value;
}

// Random numbers that are the same on each run.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_{seed * 2 + 1} {}
  std::uint64_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(next() % bound); }

 private:
  std::uint64_t state_;
};

// Allocates, fills, checks and frees: `rounds` blocks of up to `largest` bytes, eight of them alive at a time.
inline void churn(std::uint64_t seed, int rounds, std::size_t largest) {
  Random random{seed};
  struct {
    unsigned char* at;
    std::size_t size;
    unsigned char mark;
  } held[8] = {};
  const auto drop = [](auto& block) {
    if (block.at == nullptr) return;
    CHECK(block.at[0] == block.mark && block.at[block.size - 1] == block.mark);
    std::free(block.at);
    block.at = nullptr;
  };
  for (int i = 0; i < rounds; ++i) {
    auto& block = held[i % 8];
    drop(block);
    block.size = 1 + random.below(largest);
    block.mark = static_cast<unsigned char>(random.next());
    block.at = static_cast<unsigned char*>(std::malloc(block.size));
    CHECK(block.at != nullptr);
    block.at[0] = block.at[block.size - 1] = block.mark;
  }
  for (auto& block : held) drop(block);
}

// Returns: how the child ended; a child that hangs is killed after `seconds`, and the test fails.
inline int wait_for(pid_t child, int seconds) {
  using clock = std::chrono::steady_clock;
  const auto deadline = clock::now() + std::chrono::seconds{seconds};
  int status = 0;
  for (int looks = 0;; ++looks) {
    const pid_t done = ::waitpid(child, &status, WNOHANG);
    if (done == child) return status;
    CHECK(done == 0);
    if (clock::now() > deadline) {
      ::kill(child, SIGKILL);
      fail(__FILE__, __LINE__, "a child hangs");
    }
    ::usleep(looks < 10 ? 100 : 1000);
  }
}

[[nodiscard]] inline bool succeeded(int status) { return WIFEXITED(status) && WEXITSTATUS(status) == 0; }

// Forks, runs `work` in the child, and expects it to return before the time is over.
template <class Work>
inline void in_child(int seconds, Work&& work) {
  const pid_t child = ::fork();
  CHECK(child >= 0);
  if (child == 0) {
    work();
    ::_exit(0);
  }
  CHECK(succeeded(wait_for(child, seconds)));
}

// What a child left behind: its status, and what it wrote to standard error.
// Whether the byte at `p` can be read. The system is asked, so nothing faults.
[[nodiscard]] inline bool readable(const void* p) {
  int pipes[2];
  CHECK(::pipe(pipes) == 0);
  const bool read = ::write(pipes[1], p, 1) == 1;
  ::close(pipes[0]);
  ::close(pipes[1]);
  return read;
}

struct Outcome {
  int status;
  char words[4096];

  [[nodiscard]] bool says(const char* sentence) const { return std::strstr(words, sentence) != nullptr; }
  [[nodiscard]] bool aborted() const { return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT; }
};

// As in_child, but the child may end as it likes.
template <class Work>
[[nodiscard]] inline Outcome outcome_of(Work&& work) {
  int pipes[2];
  CHECK(::pipe(pipes) == 0);
  const pid_t child = ::fork();
  CHECK(child >= 0);
  if (child == 0) {
    ::dup2(pipes[1], 2);
    ::close(pipes[0]);
    ::close(pipes[1]);
    work();
    ::_exit(0);
  }
  ::close(pipes[1]);
  Outcome outcome{};
  std::size_t length = 0;
  for (;;) {
    const ssize_t got = ::read(pipes[0], outcome.words + length, sizeof outcome.words - 1 - length);
    if (got <= 0) break;
    length += static_cast<std::size_t>(got);
  }
  ::close(pipes[0]);
  outcome.status = wait_for(child, 20);
  return outcome;
}

// Runs this very program again, not preloaded, with `argument`: that it may write figures of the system's allocator to
// standard error.
[[nodiscard]] Outcome without_us(const char* argument);

// Resident memory of this process, in KiB.
[[nodiscard]] inline long resident_kib() {
  std::FILE* const file = std::fopen("/proc/self/statm", "re");
  CHECK(file != nullptr);
  long total = 0;
  long resident = 0;
  CHECK(std::fscanf(file, "%ld %ld", &total, &resident) == 2);
  std::fclose(file);
  return resident * (::sysconf(_SC_PAGESIZE) / 1024);
}

// The file of this very program.
[[nodiscard]] inline const char* own_path() {
  static char path[4096];
  const ssize_t length = ::readlink("/proc/self/exe", path, sizeof path - 1);
  CHECK(length > 0);
  path[length] = '\0';
  return path;
}

inline Outcome without_us(const char* argument) {
  return outcome_of([argument] {
    ::unsetenv("LD_PRELOAD");
    ::execl(own_path(), own_path(), argument, static_cast<char*>(nullptr));
    ::_exit(1);
  });
}

// How many mappings this process has.
[[nodiscard]] inline int mappings() {
  std::FILE* const file = std::fopen("/proc/self/maps", "re");
  CHECK(file != nullptr);
  int lines = 0;
  for (int c = 0; (c = std::fgetc(file)) != EOF;) lines += c == '\n';
  std::fclose(file);
  return lines;
}

// Where the shared objects lie that some tests load: see tests/process/plugin.
[[nodiscard]] inline const char* plugin(const char* name) {
  // snprintf empties it first, and threads open libraries at the same time.
  static thread_local char path[4096];
  const char* const directory = std::getenv("BASALT_PLUGINS");
  CHECK(directory != nullptr);
  std::snprintf(path, sizeof path, "%s/%s.so", directory, name);
  return path;
}

}  // namespace process
