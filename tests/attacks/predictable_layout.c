// attack: a hole left where the attacker wants the next block
// has: sizes and order; as many blocks around the hole as the effort says
// reaches: the program's next block lies in the hole
// never:
// efforts: 1 256
#include "attack.h"

int main(int count, char** arguments) {
  static char* held[256];
  const size_t blocks = effort(count, arguments);
  for (size_t i = 0; i < blocks; ++i) held[i] = take(64);
  char* const hole = held[blocks / 2];
  drop(hole);
  if (take(64) == hole) reached();
  nothing();
}
