// Where the resident memory of a process is: an account that adds up to what the kernel says, to the byte.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace basalt::account {

struct Step {
  std::string name;
  std::int64_t bytes = 0;
  std::string lever;  // what moves it: an option, or what to look at; empty: nothing does
};

// Law: the steps of `heap` add up to `heap_resident`; that and the steps of `others` add up to `resident`.
struct Account {
  std::uint32_t process = 0;   // whose it is
  std::uint64_t resident = 0;  // the sum of all mappings, as the kernel counts them
  std::uint64_t heap_resident = 0;
  std::uint64_t rounding = 0;  // an estimate of how much of the live blocks nobody asked for
  std::vector<Step> heap;
  std::vector<Step> others;  // what describes the heap, if it is known; then all else, the largest first

  // Returns: the three largest causes of memory that the program does not hold, largest first.
  [[nodiscard]] std::vector<Step> causes() const;
};

// Returns: what the text, as BASALT_ACCOUNT makes it, comes to; nothing if it is not whole.
[[nodiscard]] std::optional<Account> read(const std::string& text);

}  // namespace basalt::account
