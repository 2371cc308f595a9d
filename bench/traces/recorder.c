// Records what a program asks of malloc: preload it, and BASALT_TRACE.PID holds one pair of words for each event: the
// address, and the size that was asked for, or all ones for a free. A reallocation is a free and an allocation.
// glibc only, whose own functions do the work. The first `most` events are kept.
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* p, size_t size);
void* __libc_memalign(size_t alignment, size_t size);
void __libc_free(void* p);

enum { most = 1 << 18 };
static struct { uint64_t address, size; } events[most];
static atomic_size_t count;

static void* note(void* p, size_t size) {
  if (p == NULL) return p;
  const size_t at = atomic_fetch_add_explicit(&count, 1, memory_order_relaxed);
  if (at < most) events[at].address = (uintptr_t)p, events[at].size = size;
  return p;
}

void* malloc(size_t size) { return note(__libc_malloc(size), size); }
void* calloc(size_t n, size_t size) { return note(__libc_calloc(n, size), n * size); }
void* memalign(size_t alignment, size_t size) { return note(__libc_memalign(alignment, size), size); }
void* aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }
void free(void* p) {
  note(p, SIZE_MAX);
  __libc_free(p);
}
void* realloc(void* p, size_t size) {
  note(p, SIZE_MAX);
  return note(__libc_realloc(p, size), size);
}

__attribute__((destructor)) static void save(void) {
  const char* const path = getenv("BASALT_TRACE");
  char name[4096];
  if (path == NULL) return;
  const size_t noted = count < most ? count : most;
  snprintf(name, sizeof name, "%s.%d", path, (int)getpid());
  const int file = open(name, O_CREAT | O_TRUNC | O_WRONLY, 0644);
  if (file < 0 || write(file, events, noted * sizeof events[0]) < 0) perror(name);
  close(file);
}
