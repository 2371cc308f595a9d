/* Basalt in plain C: the allocator under names of its own, and what it can say of itself.
 *
 * Every function may be called from any thread. Sizes are bytes. */
#pragma once

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BASALT_VERSION_MAJOR 0
#define BASALT_VERSION_MINOR 1
#define BASALT_VERSION_PATCH 0

/* Returns: "0.1.0" and the name of the allocator behind these functions. */
const char* basalt_version(void);
const char* basalt_name(void);

/* Returns: 1 if malloc, free and their kin in this process are Basalt's, 0 if somebody else's. */
int basalt_is_active(void);

/* As malloc, calloc, realloc, aligned_alloc and free of C17. Memory from here goes back here, whoever owns
 * malloc. Returns: memory aligned to 16 at least; NULL with errno ENOMEM (basalt_aligned_alloc: EINVAL for an
 * alignment that is no power of two). basalt_free keeps errno. */
void* basalt_malloc(size_t size);
void* basalt_calloc(size_t count, size_t size);
void* basalt_realloc(void* p, size_t size);
void* basalt_aligned_alloc(size_t alignment, size_t size);
void basalt_free(void* p);

/* Returns: how many bytes of the block the caller may use; 0 for NULL and for what is not ours. */
size_t basalt_usable_size(const void* p);

/* Returns: 1 if p points into memory of this allocator. p is not followed. */
int basalt_owns(const void* p);

/* Effects: gives whole free pages back to the operating system, process-wide.  Returns: 1 if any went. */
int basalt_trim(void);

/* A consistent snapshot. The law: live_bytes + free_bytes == grown_bytes - given_back_bytes. */
struct basalt_heap_stats {
  size_t allocations;        /* calls that returned a block */
  size_t deallocations;      /* blocks that came back */
  size_t live_bytes;         /* in the hands of the program, rounding and prefixes included */
  size_t peak_live_bytes;    /* the most that live_bytes has been */
  size_t free_bytes;         /* on the list of free blocks */
  size_t free_blocks;        /* length of that list */
  size_t largest_free_bytes; /* the largest block on it */
  size_t grown_bytes;        /* ever obtained from the operating system */
  size_t given_back_bytes;   /* ever returned to it */
};
void basalt_stats(struct basalt_heap_stats* out);

/* What the memory is used for, as one JSON object or as OpenMetrics text; every figure is in bytes, none is negative, and
 * those under `sums_to_mapped` do sum to it. docs/reference/statistics.md explains each. Nothing is allocated.
 * Effects: writes at most `size` bytes to `buffer`, the 0 at the end included; nothing to NULL.
 * Returns: the length of the whole text without the 0: if that is not below `size`, it was cut. */
size_t basalt_stats_json(char* buffer, size_t size);
size_t basalt_stats_openmetrics(char* buffer, size_t size);

/* Walks the heap.  Returns: NULL if every law holds, else the law that is broken, in words. */
const char* basalt_validate(void);

#ifdef __cplusplus
}
#endif
