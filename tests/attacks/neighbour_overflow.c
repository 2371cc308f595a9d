// attack: an overflow into the block that the program takes next
// has: an overflow of as many bytes as the effort says; sizes and order
// reaches: the other block's contents have changed, before anybody noticed
// never:
// efforts: 1 32 512
#include "attack.h"

int main(int count, char** arguments) {
  enum { size = 0x60 };
  for (int i = 0; i < 100; ++i) drop(take(size));
  char* const own = take(size);
  char* const victim = take(size);
  memset(victim, 'v', size);
  memset(opaque(own), 'a', size + effort(count, arguments));
  for (int i = 0; i < size; ++i)
    if (opaque(victim)[i] != 'v') reached();
  drop(own);
  nothing();
}
