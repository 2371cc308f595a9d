// attack: a small object deleted as a large one
// has: a delete through a type of another size
// reaches: new gives a large object where a live small one is
// never: engine hardened
#include <new>

#include "attack.h"

int main() {
  constexpr std::size_t small = 48;
  constexpr std::size_t large = 480;
  void* const object = operator new(small);
  char* const live = static_cast<char*>(operator new(small));
  operator delete(opaque(object), large);
  for (int i = 0; i < 64; ++i)
    if (overlap(static_cast<char*>(operator new(large)), large, live, small)) reached();
  nothing();
}
