// attack: an overflow into what the allocator knows of a block, which then seems larger than it is
// has: an overflow of as many bytes as the effort says; sizes and order
// reaches: malloc gives memory of a live block
// never: engine hardened
// efforts: 8 65536
#include "attack.h"

enum { size = 0x88, blocks = 2000 };

// Effects: takes blocks of many sizes, each filled with its number.  Returns: whether one was written over by another.
static int some_overlap(void) {
  static uint32_t* taken[blocks];
  for (uint32_t i = 0; i < blocks; ++i) {
    const size_t words = 4 + i * 37 % 500;
    taken[i] = (uint32_t*)(void*)take(words * 4);
    for (size_t k = 0; k < words; ++k) taken[i][k] = i;
  }
  for (uint32_t i = 0; i < blocks; ++i)
    for (size_t k = 0; k < 4 + i * 37 % 500; ++k)
      if (taken[i][k] != i) return 1;
  return 0;
}

int main(int count, char** arguments) {
  char* const first = take(size);
  char* const freed = take(size);
  char* const live = take(size);
  for (size_t written = 0; written < effort(count, arguments); written += 8)
    put_word(first, size + written, (size + 8) * 2 | 1);
  drop(freed);
  if (overlap(take(size * 2 + 8), size * 2 + 8, live, size) || some_overlap()) reached();
  nothing();
}
