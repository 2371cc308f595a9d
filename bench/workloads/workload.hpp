// What every workload needs: how much to do, dice, and the words at the end.
//
//   workload [SCALE [VARIANT]]   SCALE is how much work, relative to the workload's own; 1 takes about a second.
//
// At the end one line of JSON goes to standard output:
//   operations            a block obtained and given back is one
//   resident_bytes        when it was over, which is when all is freed
//   live_bytes, live_resident_bytes         where a workload looks at that: see Held; else 0
//   malloc_p9999_ns, free_p9999_ns          nanoseconds that one call in 10,000 exceeds, where it looks at that
//   thread_ns             nanoseconds for an operation of each thread that has a processor, where it looks at that
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace workload {

// Returns: the number after `name` in a file of /proc, or 0. Allocates nothing.
inline std::size_t number_in(const char* file, const char* name) {
  char text[4096];
  const int fd = ::open(file, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  const ssize_t length = ::read(fd, text, sizeof text - 1);
  ::close(fd);
  text[length > 0 ? length : 0] = '\0';
  const char* const found = std::strstr(text, name);
  return found == nullptr ? 0 : std::strtoull(found + std::strlen(name), nullptr, 10);
}

// What callers hold at some moment, and the memory there is for it: the pages that are no file's.
struct Held {
  Held() = default;
  explicit Held(std::size_t live)
      : live_bytes{live}, resident_bytes{number_in("/proc/self/smaps_rollup", "\nAnonymous:") << 10} {}

  std::size_t live_bytes = 0;
  std::size_t resident_bytes = 0;
};

// What a workload has to say in the end.
struct Words {
  std::size_t operations = 0;
  Held held = {};
  double malloc_p9999_ns = 0;
  double free_p9999_ns = 0;
  double thread_ns = 0;
};

class Task {
 public:
  Task(int count, char** arguments)
      : scale_{count > 1 ? std::atof(arguments[1]) : 1.0}, variant_{count > 2 ? arguments[2] : ""} {
    if (scale_ > 0) return;
    std::fputs("usage: workload [SCALE [VARIANT]]: SCALE is a positive number\n", stderr);
    std::exit(2);
  }

  // Returns: `count` to scale, at least one.
  [[nodiscard]] std::size_t times(std::size_t count) const {
    const auto scaled = static_cast<std::size_t>(static_cast<double>(count) * scale_);
    return scaled == 0 ? 1 : scaled;
  }
  [[nodiscard]] bool is(std::string_view variant) const { return variant_ == variant; }

  // Effects: prints the words at the end.  Returns: the exit status.
  [[nodiscard]] static int done(const Words& words) {
    const std::size_t resident = number_in("/proc/self/status", "\nVmRSS:") << 10;
    std::printf(
        "{\"operations\": %zu, \"resident_bytes\": %zu, \"live_bytes\": %zu, \"live_resident_bytes\": %zu,"
        " \"malloc_p9999_ns\": %.1f, \"free_p9999_ns\": %.1f, \"thread_ns\": %.3f}\n",
        words.operations, resident, words.held.live_bytes, words.held.resident_bytes, words.malloc_p9999_ns,
        words.free_p9999_ns, words.thread_ns);
    return 0;
  }
  [[nodiscard]] static int done(std::size_t operations) { return done(Words{.operations = operations}); }

 private:
  double scale_;
  std::string_view variant_;
};

// SplitMix64 (Steele, Lea, Flood 2014): cheap, so that what is measured is the allocator.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_{seed} {}

  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e37'79b9'7f4a'7c15U;
    z = (z ^ z >> 30) * 0xbf58'476d'1ce4'e5b9U;
    z = (z ^ z >> 27) * 0x94d0'49bb'1331'11ebU;
    return z ^ z >> 31;
  }
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(next() % bound); }

  // Sizes as programs have them: half below 48 bytes, a quarter more below 96, and so on: Pareto's law with exponent 1.
  std::size_t pareto(std::size_t least, std::size_t most) {
    const std::size_t size = least * 4096 / (1 + below(4096));
    return size > most ? most : size;
  }

 private:
  std::uint64_t state_;
};

// Makes the compiler believe that somebody looks at the block; writes its first byte, and the last.
inline void use(void* block, std::size_t bytes) {
  auto* const first = static_cast<volatile char*>(block);
  if (bytes == 0) return;
  first[0] = 1;
  first[bytes - 1] = 1;
}

// Writes one byte of every page.
inline void touch(void* block, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; i += 4096) static_cast<volatile char*>(block)[i] = 1;
  use(block, bytes);
}

}  // namespace workload
