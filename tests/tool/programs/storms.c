// Threads that come and go by the hundred, each opening a library and allocating; meanwhile the process forks. With a word behind the
// library: in the end it executes itself while threads still allocate.
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { waves = 20, threads = 16 };

static const char* library;

static void* visit(void* seat) {
  void* const handle = dlopen(library, RTLD_NOW);
  if (handle == NULL) abort();
  for (int i = 0; i < 100; ++i) free(malloc(2000 + (size_t)seat));
  dlclose(handle);
  return NULL;
}

static void* go_on(void* nothing) {
  for (;;) free(malloc(3003));
  return nothing;
}

static void wave(void) {
  pthread_t all[threads];
  for (size_t i = 0; i < threads; ++i) {
    if (pthread_create(&all[i], NULL, visit, (void*)i) != 0) abort();
  }
  const pid_t child = fork();
  if (child == 0) {
    free(malloc(4004));
    _exit(0);
  }
  for (size_t i = 0; i < threads; ++i) pthread_join(all[i], NULL);
  int status = 1;
  waitpid(child, &status, 0);
  if (status != 0) abort();
}

int main(int count, char** words) {
  library = words[1];
  if (count > 3) {
    free(malloc(5005));
    puts("again");
    return 0;
  }
  for (int i = 0; i < waves; ++i) wave();
  if (count == 2) return 0;
  for (int i = 0; i < threads; ++i) {
    pthread_t one;
    pthread_create(&one, NULL, go_on, NULL);
  }
  usleep(20000);
  execl("/proc/self/exe", words[0], words[1], words[2], "again", (char*)0);
  return 1;
}
