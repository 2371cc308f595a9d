// Allocates in every way that a trace can tell apart: the sizes say which is which.
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>

void* volatile sink;

int main(void) {
  void* const a = malloc(1001);
  void* const b = calloc(3, 334);
  void* const c = aligned_alloc(256, 1024);
  void* d = realloc(NULL, 1003);
  d = realloc(d, 40004);
  sink = realloc(d, PTRDIFF_MAX);  // fails: the block stays as it was
  sink = malloc(PTRDIFF_MAX);      // fails, and is no event
  free(a);
  free(b);
  free(c);
  free(d);
  free(NULL);
  sink = malloc(1005);  // is never freed
  return 7;
}
