// What every workload needs: how much to do, dice, and the words at the end.
//
//   workload [SCALE [VARIANT]]   SCALE is how much work, relative to the workload's own; 1 takes about a second.
//
// At the end one line of JSON goes to standard output: the operations done (a block obtained and given back is one), the
// bytes that callers held at most, and those resident when it was over, which is when all is freed.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace workload {

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

  // Effects: the words at the end.  Returns: the exit status.
  [[nodiscard]] static int done(std::size_t operations, std::size_t most_live_bytes = 0) {
    long pages = 0;
    if (std::FILE* const file = std::fopen("/proc/self/statm", "r")) {
      if (std::fscanf(file, "%*s %ld", &pages) != 1) pages = 0;
      std::fclose(file);
    }
    std::printf("{\"operations\": %zu, \"live_bytes\": %zu, \"resident_bytes\": %ld}\n", operations,
                most_live_bytes, pages * ::sysconf(_SC_PAGESIZE));
    return 0;
  }

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
