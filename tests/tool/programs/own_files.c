/* Takes every number that a file can have for a file of its own, as a daemon may, and ends with 5 if nobody has written there.
 *   own_files FILE MILLISECONDS */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int count, char** words) {
  if (count < 3) return 2;
  void* volatile held = malloc(1000000); /* something to look at */
  for (int number = 0; number < 1024; ++number) close(number);
  const int file = open(words[1], O_RDWR | O_CREAT | O_TRUNC, 0600);
  for (int number = 1; number < 1024; ++number) dup2(file, number);
  usleep((useconds_t)atoi(words[2]) * 1000);
  struct stat state;
  free(held);
  return fstat(file, &state) == 0 && state.st_size == 0 ? 5 : 6;
}
