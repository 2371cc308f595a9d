// Only in the libraries that script/test --coverage preloads. They allocate before their own constructors run, hence before
// their counters are moved into the file; what has been counted until then would be lost, and that is how the options are read.
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

// Of Clang's runtime.
uint64_t* __llvm_profile_begin_counters(void);
uint64_t* __llvm_profile_end_counters(void);
extern intptr_t __llvm_profile_counter_bias;

static uint64_t* early;
static size_t count;

// Before the runtime's own constructor, which moves the counters.
__attribute__((constructor(101))) static void keep(void) {
  count = (size_t)(__llvm_profile_end_counters() - __llvm_profile_begin_counters());
  void* const copy =
      mmap(NULL, count * sizeof *early, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (copy == MAP_FAILED) return;
  early = copy;
  memcpy(early, __llvm_profile_begin_counters(), count * sizeof *early);
}

// After it.
static void add(void) {
  if (early == NULL || __llvm_profile_counter_bias == 0) return;
  uint64_t* const moved =
      (uint64_t*)((uintptr_t)__llvm_profile_begin_counters() + (uintptr_t)__llvm_profile_counter_bias);
  for (size_t i = 0; i != count; ++i) {
    if (early[i] != 0) __atomic_fetch_add(&moved[i], early[i], __ATOMIC_RELAXED);
  }
  munmap(early, count * sizeof *early);
  early = NULL;
}

// At the end of the process if not before: constructors of one priority have no order that could be relied on.
__attribute__((destructor)) static void add_at_exit(void) { add(); }
__attribute__((constructor)) static void add_at_start(void) { add(); }
