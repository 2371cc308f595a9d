// attack: a block freed twice in a row, the mark by which that would be noticed overwritten in between
// has: a double free; a dangling pointer to write through
// reaches: malloc gives one block twice
// never: engine hardened
#include "attack.h"

int main(void) {
  char* const block = take(0x38);
  drop(block);
  put_word(block, 8, 0x4141414141414141);
  drop(block);
  char* const first = take(0x38);
  if (take(0x38) == first) reached();
  nothing();
}
