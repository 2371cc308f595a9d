// attack: a second free, when the memory is the program's again
// has: a double free; sizes, order, and as many blocks that come and go in between as the effort says
// reaches: malloc gives the attacker a block that the program holds
// never:
// efforts: 1 4096
#include "attack.h"

enum { size = 0x60, most = 4096 };

int main(int count, char** arguments) {
  static char* programs[most];
  const size_t blocks = effort(count, arguments);
  char* const block = take(size);
  drop(block);
  for (size_t i = 0; i < blocks; ++i) {
    drop(take(size));
    programs[i] = take(size);
  }
  drop(block);
  for (size_t i = 0; i < blocks; ++i) {
    drop(take(size));
    char* const own = take(size);
    for (size_t k = 0; k < blocks; ++k)
      if (own == programs[k]) reached();
  }
  nothing();
}
