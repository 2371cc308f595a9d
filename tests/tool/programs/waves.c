// Twenty waves of blocks, 50 ms apart, each of a size of its own; and one block that lives from the beginning to the end.
#include <stdlib.h>
#include <unistd.h>

void* volatile sink;

int main(void) {
  void* const all_along = malloc(5000);
  sink = all_along;
  for (size_t wave = 0; wave < 20; ++wave) {
    for (int i = 0; i < 100; ++i) {
      sink = malloc(1000 + wave);
      free(sink);
    }
    usleep(50000);
  }
  free(all_along);
  return 0;
}
