// An allocator that counts: at the end of a process it appends the most bytes that were asked for and live at once, a line each, to
// the file that COUNTING_TO names. For one thread.
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { room = 1 << 30 };
static char* place;
static size_t used, live, peak;

// In front of each block stands its size; nothing is used twice.
static void* take(size_t alignment, size_t size) {
  if (place == NULL)
    place = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  const size_t begin = (used + sizeof(size_t) + alignment - 1) / alignment * alignment;
  used = begin + size;
  char* const block = place + begin;
  memcpy(block - sizeof size, &size, sizeof size);
  live += size;
  if (live > peak) peak = live;
  return block;
}

static size_t size_of(void* block) {
  size_t size = 0;
  memcpy(&size, (char*)block - sizeof size, sizeof size);
  return size;
}

void* malloc(size_t size) { return take(16, size); }
void* calloc(size_t count, size_t size) { return take(16, count * size); }
void free(void* block) {
  if (block != NULL) live -= size_of(block);
}
void* realloc(void* block, size_t size) {
  if (block == NULL) return take(16, size);
  live -= size_of(block);
  void* const moved = take(16, size);
  return memcpy(moved, block, size < size_of(block) ? size : size_of(block));
}
int posix_memalign(void** block, size_t alignment, size_t size) {
  *block = take(alignment, size);
  return 0;
}

__attribute__((destructor)) static void tell(void) {
  const char* const path = getenv("COUNTING_TO");
  const size_t most = peak;  // opening the file allocates, too
  FILE* const file = path == NULL ? NULL : fopen(path, "a");
  if (file == NULL) return;
  fprintf(file, "%zu\n", most);
  fclose(file);
}
