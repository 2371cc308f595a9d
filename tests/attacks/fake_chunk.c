// attack: a block forged in the program's data, freed, and asked for
// has: a pointer that the program frees; a word before the place it points to
// reaches: malloc gives the place
// never: engine hardened
#include "attack.h"

int main(void) {
  put_word(target, 56, 0x41);
  drop(target + 64);
  for (int i = 0; i < 8; ++i)
    if (take(0x38) == target + 64) reached();
  nothing();
}
