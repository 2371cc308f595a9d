// A process that forks, whose child executes itself with a word, which allocates more.
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

void* volatile sink;

int main(int count, char** words) {
  if (count > 1) {
    sink = malloc(3003);
    return 0;
  }
  sink = malloc(1001);
  const pid_t child = fork();
  if (child == 0) {
    sink = malloc(2002);
    execl("/proc/self/exe", words[0], "again", (char*)0);
    _exit(1);
  }
  int status = 1;
  waitpid(child, &status, 0);
  return status == 0 ? 0 : 1;
}
