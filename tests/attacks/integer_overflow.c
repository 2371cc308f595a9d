// attack: a number of elements that makes the size of an array wrap around to a small one
// has: sizes, counts and alignments of any value
// reaches: a block that is smaller than what was asked for
// never: engine hardened
#include <malloc.h>

#include "attack.h"

static size_t hidden(size_t number) {
  __asm__ volatile("" : "+r"(number));
  return number;
}

int main(void) {
  const size_t half = hidden(SIZE_MAX / 2 + 1);
  for (size_t step = 0; step < 64; ++step) {
    if (calloc(half + step, 2) || calloc(2, half + step) || calloc(half, half)) reached();
    if (reallocarray(NULL, half + step, 2) || reallocarray(take(16), half, 4)) reached();
    if (malloc(hidden(SIZE_MAX) - step) || realloc(take(16), hidden(SIZE_MAX) - step)) reached();
    if (memalign(64, hidden(SIZE_MAX) - step) || memalign(hidden(4096) << (step % 12), half - 1)) reached();
    if (aligned_alloc(4096, hidden(SIZE_MAX) - 4095) || valloc(hidden(SIZE_MAX) - step)) reached();
    if (pvalloc(hidden(SIZE_MAX) - step)) reached();
  }
  nothing();
}
