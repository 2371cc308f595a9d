// Allocates in handlers of signals that interrupt allocations, while it forks.
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static void handle(int signal) {
  (void)signal;
  free(malloc(77));
}

int main(void) {
  signal(SIGALRM, handle);
  const struct itimerval often = {{0, 200}, {0, 200}};
  setitimer(ITIMER_REAL, &often, NULL);
  for (int i = 0; i < 300000; ++i) {
    free(malloc(33));
    if (i % 30000 == 0 && fork() == 0) {
      for (int k = 0; k < 100; ++k) free(malloc(55));
      _exit(0);
    }
  }
  const struct itimerval never = {{0, 0}, {0, 0}};
  setitimer(ITIMER_REAL, &never, NULL);
  while (wait(NULL) > 0) continue;
  return 0;
}
