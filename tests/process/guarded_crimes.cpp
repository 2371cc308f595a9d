// Guarded slots in a whole process: each crime through the door by which a program commits it; what becomes of faults that are
// not ours; forks and threads.
//
// runs: none
// engine runs: preload global static
#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>

#include <csetjmp>
#include <new>

#include <basalt/basalt.h>

#include "support/process.hpp"

extern "C" int basalt_option_set(const char*, const char*) __attribute__((weak));
extern "C" const char* basalt_guard_self_test(void) __attribute__((weak));
extern "C" basalt_error_handler basalt_set_error_handler(basalt_error_handler) __attribute__((weak));

namespace {

using process::opaque;

void guard(const char* sampling) {
  CHECK(basalt_option_set("guard", sampling) == 0);
  std::free(opaque(std::malloc(12'345)));  // on a slow path the thread learns of it
}

// Every request is guarded as long as there are slots.
char* made(std::size_t size = 100) {
  auto* const block = static_cast<char*>(opaque(std::malloc(size)));
  CHECK(block != nullptr && malloc_usable_size(block) == size);
  return block;
}

template <class Crime>
void expect(const char* sentence, Crime&& crime) {
  const process::Outcome outcome = process::outcome_of([&] {
    guard("1");
    crime();
  });
  if (!outcome.aborted() || !outcome.says(sentence))
    std::fprintf(stderr, "wanted: %s\ngot:\n%s\n", sentence, outcome.words);
  CHECK(outcome.aborted() && outcome.says(sentence));
  CHECK(outcome.says("\n  this happened in thread ") && outcome.says("\n  next: addr2line "));
}

void crimes_of_pointers() {
  expect("basalt: double free: 0x", [] {
    char* const p = made();
    std::free(p), std::free(opaque(p));
  });
  expect(" lies 16 bytes into a block of 100 bytes\n", [] { std::free(opaque(made() + 16)); });
  expect("basalt: use after free: a", [] {
    char* const p = made();
    std::free(p), (void)opaque(*opaque(p));
  });
  expect(", 100000 bytes into a block of 200000 bytes that was freed\n", [] {
    char* const p = made(200'000);
    std::free(p), opaque(p)[100'000] = 1;
  });
  expect("basalt: heap overflow: ", [] {
    char* const p = made();
    for (int i = 0; i < 4096; ++i) opaque(p)[100 + i] = 1;
  });
  expect(", 0 bytes after a block of 100 bytes, was overwritten before the block was freed\n", [] {
    char* const p = made();
    opaque(p)[100] = 1, std::free(p);
  });
  expect("basalt: invalid pointer in realloc: 0x", [] {
    char* const p = made();
    std::free(p), (void)opaque(std::realloc(opaque(p), 7));
  });
}

void crimes_of_families() {
  expect("came from malloc, which goes with free\n", [] { operator delete(opaque(made())); });
  expect("basalt: mismatched delete[]: 0x", [] { operator delete[](opaque(made())); });
  expect("came from new, which goes with delete\n", [] { std::free(opaque(operator new(100))); });
  expect("basalt: mismatched free: 0x", [] { (void)opaque(std::realloc(opaque(operator new(100)), 50)); });
  expect("came from new[], which goes with delete[]\n", [] { operator delete(opaque(operator new[](100))); });
  expect("basalt: mismatched aligned delete: 0x",
         [] { operator delete (opaque(operator new[](100, std::align_val_t{64})), std::align_val_t{64}); });
  expect(" has 100 bytes and cannot have been asked for with 96\n",
         [] { operator delete (opaque(operator new(100)), std::size_t{96}); });
}

void what_is_no_crime() {
  process::in_child(20, [] {
    guard("1");
    CHECK(basalt_guard_self_test() == nullptr);
    std::free(made());
    operator delete (opaque(operator new(100)), std::size_t{100});
    operator delete[](opaque(operator new[](100)));
    operator delete(opaque(operator new(100, std::nothrow)), std::nothrow);
    operator delete (opaque(operator new (100, std::align_val_t{64})), std::size_t{100},
                     std::align_val_t{64});
    std::free(opaque(std::calloc(10, 10)));
    std::free(opaque(std::aligned_alloc(256, 256)));
    std::free(opaque(std::realloc(made(), 5000)));
    std::free(nullptr);
    process::heap_must_be_valid();
    guard("off");
    CHECK(std::strcmp(basalt_guard_self_test(), "guarding is off") == 0);
  });
}

void hear(const char* report) { dprintf(2, "heard %zu letters: %.20s\n", std::strlen(report), report); }

void the_error_handler() {
  expect(" letters: basalt: double free:\n", [] {
    CHECK(basalt_set_error_handler(hear) == nullptr);
    CHECK(basalt_set_error_handler(hear) == hear);
    char* const p = made();
    std::free(p), std::free(opaque(p));
  });
}

// Faults elsewhere: they are the program's, with a handler that was there before, without one, and with one that came later.
sigjmp_buf back;
volatile sig_atomic_t heard = 0;

void plain_handler(int) { heard = 1, siglongjmp(back, 1); }
void knowing_handler(int, siginfo_t* info, void*) {
  heard = info->si_addr == reinterpret_cast<void*>(8) ? 2 : -1;
  siglongjmp(back, 1);
}

void fault_elsewhere() { *opaque(reinterpret_cast<volatile int*>(8)) = 1; }

void faults_that_are_not_ours() {
  process::in_child(20, [] {
    ::signal(SIGSEGV, plain_handler);
    guard("1"), std::free(made());
    for (int i = 0; i < 3; ++i)
      if (sigsetjmp(back, 1) == 0) fault_elsewhere();
    CHECK(heard == 1);
  });
  process::in_child(20, [] {
    struct sigaction action {};
    action.sa_sigaction = knowing_handler;
    action.sa_flags = SA_SIGINFO;
    CHECK(::sigaction(SIGSEGV, &action, nullptr) == 0);
    guard("1"), std::free(made());
    if (sigsetjmp(back, 1) == 0) fault_elsewhere();
    CHECK(heard == 2);
  });
  const process::Outcome fatal =
      process::outcome_of([] { guard("1"), std::free(made()), fault_elsewhere(); });
  CHECK(WIFSIGNALED(fatal.status) && WTERMSIG(fatal.status) == SIGSEGV && fatal.words[0] == '\0');
  const process::Outcome sent = process::outcome_of([] { guard("1"), std::free(made()), ::raise(SIGSEGV); });
  CHECK(WIFSIGNALED(sent.status) && WTERMSIG(sent.status) == SIGSEGV && sent.words[0] == '\0');
  process::in_child(20, [] {
    ::signal(SIGSEGV, SIG_IGN);
    guard("1"), std::free(made()), ::raise(SIGSEGV);
  });
  process::in_child(20, [] {
    guard("1"), std::free(made());
    ::signal(SIGSEGV, plain_handler);
    CHECK(std::strcmp(basalt_guard_self_test(), "the program has set a handler of SIGSEGV since") == 0);
  });
}

// A handler of ours needs little of a stack of its own.
void a_fault_on_a_small_stack() {
  expect("basalt: use after free: ", [] {
    static char stack[8192];
    stack_t own{};
    own.ss_sp = stack;
    own.ss_size = sizeof stack;
    CHECK(::sigaltstack(&own, nullptr) == 0);
    char* const p = made();
    std::free(p), opaque(p)[1] = 1;
  });
}

void forks() {
  guard("3:8");
  void* const block = opaque(std::malloc(100));
  for (int i = 0; i < 20; ++i) {
    process::in_child(20, [&] {
      std::free(block);
      process::churn(static_cast<std::uint64_t>(i), 2000, 3000);
      process::heap_must_be_valid();
    });
    process::churn(77, 500, 3000);
  }
  std::free(block);
}

void* work(void* number) {
  process::churn(reinterpret_cast<std::uintptr_t>(number), process::times(30'000), 5000);
  return nullptr;
}

void threads() {
  guard("3:8");
  pthread_t all[4];
  for (std::uintptr_t i = 0; i < 4; ++i)
    CHECK(pthread_create(&all[i], nullptr, work, reinterpret_cast<void*>(i)) == 0);
  for (const pthread_t& one : all) CHECK(pthread_join(one, nullptr) == 0);
  process::heap_must_be_valid();
  guard("off");
}

}  // namespace

int main() {
  process::must_be_ours();
  crimes_of_pointers();
  crimes_of_families();
  what_is_no_crime();
  the_error_handler();
  faults_that_are_not_ours();
  a_fault_on_a_small_stack();
  forks();
  threads();
}
