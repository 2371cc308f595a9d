// Memory that may not be touched, and who hears of it when it is.
#pragma once

#include <cstdint>

namespace basalt {

enum class Access : std::uint8_t { unknown, read, write };

// What a thread was doing when it touched what it may not.
struct Fault {
  std::uintptr_t address = 0;
  Access access = Access::unknown;
  std::uintptr_t pc = 0;  // of the instruction; 0 where the processor is not known
  std::uintptr_t frame = 0;
};

// One who knows some of the addresses. `hear` returns if the fault is none of his.
struct FaultListener {
  void (*hear)(FaultListener& self, const Fault& fault) noexcept = nullptr;
  FaultListener* next = nullptr;
};

// Effects: there is a handler of SIGSEGV, from the first time on; what no listener ends the process for goes to the handler that the
// program had before, as if there were no other. Once it is there, `listen_to_faults` makes no system call.
void expect_faults() noexcept;

// Effects: `listener` hears of each fault of memory from now on, in the thread that caused it; as expect_faults.
// Requires: it lives as long as the process, and listens only once.
void listen_to_faults(FaultListener& listener) noexcept;

// Returns: whether the handler is still ours; a program may have set another one since.
[[nodiscard]] bool hears_faults() noexcept;

}  // namespace basalt
