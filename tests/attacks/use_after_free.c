// attack: what the program keeps secret, read through a pointer to what was freed
// has: a dangling pointer to read through; sizes, order, and as many blocks that come and go in between as the effort says
// reaches: the secret
// never:
// efforts: 1 4096
#include "attack.h"

int main(int count, char** arguments) {
  enum { size = 0x60 };
  static const char secret[] = "the key of the house";
  char* const dangling = take(size);
  drop(dangling);
  for (size_t i = 0; i < effort(count, arguments); ++i) {
    drop(take(size));
    strcpy(take(size) + 16, secret);
    if (memcmp(opaque(dangling) + 16, secret, sizeof secret) == 0) reached();
  }
  nothing();
}
