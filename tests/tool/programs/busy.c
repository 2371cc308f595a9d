// Allocates and frees as often as it is told to, and then ends as it is told to: by returning, or by a signal.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void* keep[1024];

__attribute__((noinline)) void churn(long times) {
  unsigned random = 1;
  for (long i = 0; i < times; ++i) {
    random = random * 1103515245 + 12345;
    void** const seat = &keep[random >> 16 & 1023];
    free(*seat);
    *seat = malloc(16 + (random >> 8 & 255));
  }
}

int main(int count, char** words) {
  churn(count > 1 ? atol(words[1]) : 1000);
  if (count > 2 && strcmp(words[2], "kill") == 0) kill(getpid(), SIGKILL);
  puts("done");
  return 0;
}
