// attack: a dangling pointer into blocks of another size
// has: a dangling pointer; sizes, order, and as many blocks as the effort says
// reaches: the memory is inside a block of another size
// never:
// efforts: 64 16384
#include "attack.h"

enum { small = 64, large = 512, most = 16384 };

int main(int count, char** arguments) {
  static char* held[most];
  const size_t blocks = effort(count, arguments);
  for (size_t i = 0; i < blocks; ++i) held[i] = take(small);
  char* const dangling = held[blocks / 2];
  for (size_t i = 0; i < blocks; ++i) drop(held[i]);
  for (size_t i = 0; i < blocks; ++i)
    if (overlap(take(large), large, dangling, small)) reached();
  nothing();
}
