// What malloc, free and the sized frees execute from entry to return when a bin has what they need, counted one instruction
// at a time in the library that ships.
//
// A child stops at a breakpoint; from there to the next one its parent takes it by single steps and looks at each instruction
// that lies in the function asked about.
//
// runs: none
// engine runs: shipped
#include <sys/ptrace.h>

#include "support/process.hpp"

#if defined(__x86_64__)
#include <sys/user.h>

namespace {

constexpr unsigned most_steps = 10'000;

// One way in: its budget, and what a child does that passes by it once.
struct Door {
  const char* name;
  unsigned budget;  // instructions
  void (*pass)(std::size_t size);
};

using Free = void (*)(void*);
using SizedFree = void (*)(void*, std::size_t);

template <class Function>
Function door(const char* name) {
  void* const found = dlsym(RTLD_DEFAULT, name);
  CHECK(found != nullptr);
  return reinterpret_cast<Function>(found);
}

void breakpoint() { __asm__ volatile("int3" ::: "memory"); }

// The block comes back in both, so the next call finds a slot in the bin, and the one after it room.
void pass_malloc(std::size_t size) {
  breakpoint();
  void* const p = malloc(size);
  breakpoint();
  free(p);
}

void pass_new(std::size_t size) {
  breakpoint();
  void* const p = operator new(size);
  breakpoint();
  operator delete(p);
}

void pass_free(std::size_t size) {
  void* const p = malloc(size);
  breakpoint();
  free(p);
  breakpoint();
}

void pass_sized(const char* name, std::size_t size) {
  const auto sized_free = door<SizedFree>(name);
  void* const p = malloc(size);
  breakpoint();
  sized_free(p, size);
  breakpoint();
}

void pass_free_sized(std::size_t size) { pass_sized("free_sized", size); }
void pass_sized_delete(std::size_t size) { pass_sized("_ZdlPvm", size); }

#ifdef __clang__
constexpr unsigned clumsier = 2;  // it adds up addresses that GCC has the processor add up
#else
constexpr unsigned clumsier = 0;
#endif

// Four of those of a free are there to see that a block is freed twice.
constexpr Door doors[] = {
    {"malloc", 20, pass_malloc},
    {"_Znwm", 20, pass_new},
    {"free", 26 + clumsier, pass_free},
    {"free_sized", 32 + clumsier, pass_free_sized},
    {"_ZdlPvm", 32 + clumsier, pass_sized_delete},
};

// What one instruction is, as far as it matters here.
enum class Step { plain, locked, call, system_call };

Step judge(pid_t child, std::uintptr_t at) {
  unsigned char code[16];
  for (std::size_t i = 0; i < sizeof code; i += sizeof(long)) {
    const long word = ptrace(PTRACE_PEEKTEXT, child, at + i, nullptr);
    std::memcpy(code + i, &word, sizeof word);
  }
  const unsigned char* next = code;
  for (; std::strchr("\x66\xf2\xf3\x2e\x36\x3e\x26\x64\x65\x67\xf0", *next) != nullptr && *next != 0;
       ++next) {
    if (*next == 0xf0) return Step::locked;
  }
  if ((*next & 0xf0) == 0x40) ++next;  // REX
  const unsigned operands = next[1] >> 6;
  const unsigned extension = next[1] >> 3 & 7;
  if ((*next == 0x86 || *next == 0x87) && operands != 3)
    return Step::locked;  // xchg with memory locks by itself
  if (*next == 0xe8 || (*next == 0xff && (extension == 2 || extension == 3))) return Step::call;
  if (*next == 0x0f && (next[1] == 0x05 || next[1] == 0x34)) return Step::system_call;
  return Step::plain;
}

void wait_for_trap(pid_t child) {
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
}

user_regs_struct registers(pid_t child) {
  user_regs_struct now{};
  CHECK(ptrace(PTRACE_GETREGS, child, nullptr, &now) == 0);
  return now;
}

// Returns: the instructions executed between entry of the function at `entry` and its return, both included.
unsigned count_steps(pid_t child, std::uintptr_t entry, const Door& door) {
  unsigned steps = 0;
  std::uintptr_t frame = 0;  // where the return address lies, once we are inside
  for (unsigned i = 0; i < most_steps; ++i) {
    const user_regs_struct now = registers(child);
    if (frame == 0 && now.rip == entry) frame = now.rsp;
    if (frame != 0 && now.rsp > frame) return steps;
    if (frame != 0) {
      ++steps;
      const Step step = judge(child, now.rip);
      static constexpr const char* what[] = {"", "a locked instruction", "a call", "a system call"};
      if (step != Step::plain) {
        std::fprintf(stderr, "%s: instruction %u is %s\n", door.name, steps, what[static_cast<int>(step)]);
        CHECK(step == Step::plain);
      }
    }
    CHECK(ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr) == 0);
    wait_for_trap(child);
  }
  process::fail(__FILE__, __LINE__, "the function returns");
}

[[noreturn]] void be_stepped(const Door& door, std::size_t size) {
  void* warm[4];
  for (void*& p : warm) CHECK((p = malloc(size)) != nullptr);
  for (void* const p : warm) free(p);
  CHECK(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0);
  door.pass(size);
  _exit(0);
}

unsigned steps_of(const Door& way, std::size_t size) {
  const auto entry = reinterpret_cast<std::uintptr_t>(door<void*>(way.name));
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) be_stepped(way, size);
  wait_for_trap(child);
  const unsigned steps = count_steps(child, entry, way);
  CHECK(ptrace(PTRACE_CONT, child, nullptr, nullptr) == 0);
  wait_for_trap(child);
  CHECK(ptrace(PTRACE_CONT, child, nullptr, nullptr) == 0);
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  return steps;
}

bool may_trace() {
  const pid_t child = fork();
  if (child == 0) _exit(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0 ? 0 : 1);
  int status = 0;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

int main() {
  if (!may_trace()) process::skip("this process may not trace another");
  for (const Door& way : doors) {
    for (const std::size_t size : {1U, 16U, 100U, 1000U, 10'000U, 32'768U}) {
      const unsigned steps = steps_of(way, size);
      std::printf("%-10s of %5zu bytes: %2u instructions, %u allowed\n", way.name, size, steps, way.budget);
      CHECK(steps != 0 && steps <= way.budget);
    }
  }
}

#else

int main() { process::skip("the budgets are for x86-64"); }

#endif
