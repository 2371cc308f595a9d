// Where crimes are committed: by whose thread, on which heap; and what became of each.
#pragma once

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <atomic>
#include <csignal>

#include "crimes.hpp"
#include "dice.hpp"

namespace misuse {

// same   the thread that allocated commits the crime        gone   the one that allocated has ended, and its heap waits for another
// other  another does, and the owner lives                  taken  it has ended, and yet another thread has its heap now
enum class Thread { same, other, gone, taken };
constexpr const char* threads[] = {"same", "other", "gone", "taken"};

// fresh     nothing has happened but the start of a C++ program
// aged      thousands of blocks have come and gone
// threaded  two threads allocate, and free what the other has allocated, meanwhile
enum class Heap { fresh, aged, threaded };
constexpr const char* heaps[] = {"fresh", "aged", "threaded"};

struct Order {
  const Crime* crime = nullptr;
  Means with;
  Thread thread = Thread::same;
  unsigned runs = 1;
};

// std::thread would allocate on its own account.
template <class Act>
pthread_t begin_thread(Act& act) {
  pthread_t thread;
  if (::pthread_create(
          &thread, nullptr, [](void* it) -> void* { return (*static_cast<Act*>(it))(), nullptr; }, &act) != 0)
    ::_exit(3);
  return thread;
}
template <class Act>
void in_thread(Act act) {
  ::pthread_join(begin_thread(act), nullptr);
}

// Two threads that allocate and free until the process ends. Once the heap is in disorder they rest for a moment every now and then: all
// that they take from the processors, they take from the crimes that are still to be committed.
class Crowd {
 public:
  explicit Crowd(std::size_t size) {
    static auto act = [size] { churn(size); };
    for (int i = 0; i < 2; ++i) begin_thread(act);
    while (steps.load(std::memory_order_relaxed) < disorder) ::usleep(50);
  }

 private:
  [[noreturn]] static void churn(std::size_t size) {
    Dice dice{reinterpret_cast<std::uintptr_t>(&dice)};
    const std::size_t rarely = size > 100'000 ? 64 : 4;
    for (;;) {
      void* const mine = std::malloc(dice.roll(rarely) == 0 ? size : dice.roll(500));
      std::free(places[dice.roll(std::size(places))].exchange(mine, std::memory_order_acq_rel));
      if (const int step = steps.fetch_add(1, std::memory_order_relaxed); step >= disorder && step % 8 == 0)
        ::usleep(50);
    }
  }

  static constexpr int disorder = 200;  // steps
  static inline std::atomic<void*> places[64];
  static inline std::atomic<int> steps{0};
};

// As a program that has not noticed: what it allocates and frees is where late checks can find something.
inline void go_on(std::size_t size) {
  static char* held[1500];
  const std::size_t count = size > 100'000 ? 20 : size > 10'000 ? 200 : std::size(held);
  const Means with{&apis[0], by_malloc, size};
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < count; ++i) held[i] = with.made();
    for (std::size_t i = 0; i < count; ++i) with.end(held[i]);
  }
  malloc_trim(0);
}

// Whether the allocator has said something, and left it at that.
inline bool is_named() { return ::lseek(2, 0, SEEK_END) > 0; }

inline void commit(const Order& order, char* block) {
  order.crime->commit(order.with, block);
  if (is_named()) ::_exit(0);
  (void)!::write(2, "committed\n", 10);
  go_on(order.with.size);
}

// The thread that has the heap of the one before, until it is told that the crime is done; then it goes on.
class Heir {
 public:
  explicit Heir(std::size_t size) : act_{&ready_, &done_, size} {
    ::sem_init(&ready_, 0, 0), ::sem_init(&done_, 0, 0);
    thread_ = begin_thread(act_);
    ::sem_wait(&ready_);
  }
  ~Heir() {
    ::sem_post(&done_);
    ::pthread_join(thread_, nullptr);
  }

 private:
  struct Act {
    sem_t *ready, *done;
    std::size_t size;
    void operator()() const {
      std::free(opaque(std::malloc(100)));
      ::sem_post(ready), ::sem_wait(done);
      go_on(size);
    }
  };
  sem_t ready_, done_;
  Act act_;
  pthread_t thread_;
};

inline void perform(const Order& order) {
  const bool needs = order.crime->about == About::block;
  char* block = nullptr;
  const auto make = [&] { block = needs ? order.with.made() : nullptr; };
  switch (order.thread) {
    case Thread::same:
      make(), commit(order, block);
      break;
    case Thread::other: {
      make(), in_thread([&] { commit(order, block); });
      go_on(order.with.size);
      break;
    }
    case Thread::gone:
      in_thread(make), commit(order, block);
      break;
    case Thread::taken: {
      in_thread(make);
      Heir heir{order.with.size};
      commit(order, block);
    }
  }
}

// What became of the crimes of one order: kind, the sentence, how often.
class Outcomes {
 public:
  void add(const char* kind, const char* sentence) {
    for (Tally& each : tallies_) {
      if (each.count != 0 && (std::strcmp(each.kind, kind) != 0 || std::strcmp(each.sentence, sentence) != 0))
        continue;
      std::snprintf(each.kind, sizeof each.kind, "%s", kind);
      std::snprintf(each.sentence, sizeof each.sentence, "%s", sentence);
      ++each.count;
      return;
    }
  }

  // Effects: a line for each, and a line with a point.
  void tell() const {
    char text[4096];
    std::size_t length = 0;
    for (const Tally& each : tallies_)
      if (each.count != 0)
        length += static_cast<std::size_t>(std::snprintf(text + length, sizeof text - length, "%s\t%u\t%s\n",
                                                         each.kind, each.count, each.sentence));
    length += static_cast<std::size_t>(std::snprintf(text + length, sizeof text - length, ".\n"));
    (void)!::write(1, text, length);
  }

 private:
  struct Tally {
    char kind[8] = "";
    char sentence[200] = "";
    unsigned count = 0;
  };
  Tally tallies_[16];
};

// Commits crimes in a child each, forked from a process that has not allocated but in its start, or to grow old.
class Stage {
 public:
  Stage(Heap heap, unsigned seed) : heap_{heap}, seed_{seed} {
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    // A child that touches a page should not have to clear five hundred.
    ::prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    said_ = ::memfd_create("said", 0);
    ::dup2(said_, 2);
    if (heap == Heap::aged) age(seed);
  }

  void play(const Order& order) {
    Outcomes outcomes;
    for (unsigned run = 0; run < order.runs; ++run) {
      const pid_t child = ::fork();
      if (child == 0) act(order, seed_ * 7919 + run);
      int status = 0;
      ::waitpid(child, &status, 0);
      judge(status, outcomes);
    }
    outcomes.tell();
  }

 private:
  static constexpr unsigned seconds = 30;  // for one crime

  // Some blocks come before, and stay: another number each time, so that the crime's has another place.
  [[noreturn]] void act(const Order& order, unsigned variation) const {
    ::alarm(seconds);
    const std::size_t before = variation % (order.with.size > 100'000 ? 3 : 16);
    for (std::size_t i = 0; i < before; ++i) (void)opaque(std::malloc(order.with.size));
    if (heap_ == Heap::threaded) static const Crowd crowd{order.with.size};
    perform(order);
    ::_exit(0);
  }

  void judge(int status, Outcomes& outcomes) {
    char words[4096];
    const ssize_t length = ::pread(said_, words, sizeof words - 1, 0);
    words[length < 0 ? 0 : length] = 0;
    ::ftruncate(said_, 0), ::lseek(said_, 0, SEEK_SET);
    const char* const sentence = complaint(words);
    char plain[200] = "";
    if (sentence != nullptr) simplify(sentence, plain, sizeof plain);
    outcomes.add(kind_of(status, words, sentence), plain);
  }

  static const char* kind_of(int status, const char* words, const char* sentence) {
    const char* const committed = std::strstr(words, "committed\n");
    const bool aborted = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
    if (sentence != nullptr && (aborted || std::strstr(words, "left alone") != nullptr))
      return committed != nullptr && committed < sentence ? "later" : "named";
    if (WIFSIGNALED(status)) return WTERMSIG(status) == SIGALRM ? "hangs" : "fault";
    switch (WEXITSTATUS(status)) {
      case 0:
        return "missed";
      case status_hidden:
        return "hidden";
      case status_none:
        return "none";
      default:
        return "odd";
    }
  }

  // Returns: the line by which an allocator says that it has noticed: ours, or glibc's.
  static const char* complaint(const char* words) {
    constexpr const char* beginnings[] = {"basalt: ",  "free()",   "double free", "munmap_chunk",
                                          "realloc()", "malloc()", "corrupted",   "malloc_consolidate",
                                          "invalid"};
    for (const char* line = words; line != nullptr && *line != 0;) {
      for (const char* beginning : beginnings)
        if (std::strncmp(line, beginning, std::strlen(beginning)) == 0) return line;
      const char* const end = std::strchr(line, '\n');
      const char* const assertion = std::strstr(line, "Assertion");
      if (assertion != nullptr && (end == nullptr || assertion < end)) return line;
      line = end == nullptr ? nullptr : end + 1;
    }
    return nullptr;
  }

  // Effects: the line, with 0x… for each address and N for each number.
  static void simplify(const char* line, char* out, std::size_t room) {
    char* const end = out + room - 8;
    while (*line != 0 && *line != '\n' && out < end) {
      if (std::strncmp(line, "0x", 2) == 0) {
        line += 2 + std::strspn(line + 2, "0123456789abcdef");
        out = ::stpcpy(out, "0x…");
      } else if (const std::size_t digits = std::strspn(line, "0123456789"); digits != 0) {
        line += digits;
        *out++ = 'N';
      } else {
        *out++ = *line == '\t' ? ' ' : *line;
        ++line;
      }
    }
    *out = 0;
  }

  Heap heap_;
  unsigned seed_;
  int said_ = -1;
};

}  // namespace misuse
