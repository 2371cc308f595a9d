/* Holds two megabytes from the beginning, then takes 60,000 bytes more every ten milliseconds.
 *   grows MILLISECONDS [exit]    with `exit`, the program leaves without its destructors */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void* kept[100000];

__attribute__((noinline)) static void* that_grows(size_t size) { return memset(malloc(size), 1, size); }
__attribute__((noinline)) static void* that_stays(size_t size) { return memset(malloc(size), 1, size); }

int main(int count, char** words) {
  void** next = kept;
  for (int i = 0; i < 200; ++i) *next++ = that_stays(10000);
  const pid_t child = fork();
  if (child == 0) exit(0); /* what it leaves must not be taken for the program's own */
  waitpid(child, NULL, 0);
  for (int rounds = atoi(words[1]) / 10; rounds > 0; --rounds) {
    for (int i = 0; i < 20; ++i) *next++ = that_grows(3000);
    usleep(10000);
  }
  if (count > 2) _exit(9);
  return 5;
}
