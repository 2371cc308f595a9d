// attack: what one forked child gives away, used against the next
// has: as many blocks in each of two children as the effort says; their addresses in the first
// reaches: the second child's blocks come at the same addresses in the same order
// never:
// efforts: 4 64
#include <sys/wait.h>

#include "attack.h"

enum { most = 64 };

// Effects: a child takes blocks, keeping one and dropping one, and tells where they were.
static void ask_child(uintptr_t* places, size_t blocks) {
  int ends[2];
  if (pipe(ends) != 0) _exit(3);
  const pid_t child = fork();
  if (child == 0) {
    for (size_t i = 0; i < blocks; ++i) {
      drop(take(100));
      places[i] = (uintptr_t)take(100);
    }
    (void)!write(ends[1], places, blocks * sizeof *places);
    _exit(0);
  }
  const ssize_t got = read(ends[0], places, blocks * sizeof *places);
  waitpid(child, NULL, 0);
  if (got != (ssize_t)(blocks * sizeof *places)) _exit(3);
}

int main(int count, char** arguments) {
  static uintptr_t first[most];
  static uintptr_t second[most];
  const size_t blocks = effort(count, arguments);
  for (int i = 0; i < 100; ++i) drop(take(100));
  ask_child(first, blocks);
  ask_child(second, blocks);
  if (memcmp(first, second, blocks * sizeof *first) == 0) reached();
  nothing();
}
