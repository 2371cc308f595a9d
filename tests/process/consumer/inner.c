/* A shared library that calls what its program does not. */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

size_t inner_usable_size(void* p) { return malloc_usable_size(p); }
size_t inner_live(void) { return mallinfo2().uordblks; }
void* inner_allocate(size_t size) { return memset(memalign(64, size), 1, size); }
void inner_free(void* p) { free(p); }
