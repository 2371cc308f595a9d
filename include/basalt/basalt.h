/* Basalt in plain C: the allocator under names of its own, and what it can say of itself.
 *
 * Every function may be called from any thread, but from no signal handler that may have interrupted one of them: what
 * POSIX says of malloc holds for all of these. Sizes are bytes. */
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

/* Effects: as basalt_trim, for the whole process from whichever thread. What other threads have in their bins, a few MiB each at
 * most, they give back themselves, the next time that one of their calls is not served by a bin.
 * Returns: the bytes that went. Not in libbasalt-basic. */
size_t basalt_purge(void);

/* Returns: how many bytes may stay resident besides those that the program holds, if no call follows. It is taken by walking,
 * and in the statistics as `idle_bound`. Not in libbasalt-basic. */
size_t basalt_idle_bound(void);

/* The options: docs/reference/options.md has the table, and a process prints it that begins with BASALT_HELP=1 in its
 * environment. Names and values are text as in the environment: "keep" and "64M" for BASALT_KEEP=64M. Any thread may call
 * these at any time; what is set counts from the next slow path on, in each thread. Not in libbasalt-basic.
 *
 * Returns: 0; EINVAL if there is no such option, it does not take that value, or only the environment may set it, and then
 * nothing has changed. errno stays as it is. */
int basalt_option_set(const char* name, const char* value);

/* Effects: writes the option's value to `buffer` as basalt_stats_json does.  Returns: the length of the value; 0 if there is no
 * such option. */
size_t basalt_option_get(const char* name, char* buffer, size_t size);

/* Told what the process is about to die of: every message of docs/reference/messages.md and every report of
 * docs/reference/guard.md that ends in abort. Called in the thread that found the error, when the text is on standard error
 * already and before abort(3); locks of the allocator may be held and memory may be corrupt, so what a signal handler may do is
 * all that is safe. It may allocate nevertheless, as handlers of SIGABRT may. */
typedef void (*basalt_error_handler)(const char* report);

/* Effects: `handler` is the one that is called; NULL: nobody.  Returns: the one until now. */
basalt_error_handler basalt_set_error_handler(basalt_error_handler handler);

/* Effects: takes a guarded slot (docs/reference/guard.md) and frees it.  Returns: NULL if misuse of guarded blocks would be
 * noticed at this moment; else why not, in words: guarding is off, for instance. Not in libbasalt-basic. */
const char* basalt_guard_self_test(void);

/* The sampled heap profile: who holds memory, and who has asked for it, estimated from few requests, for a program in
 * production. docs/reference/profile.md says how to read one. Not in libbasalt-basic.
 *
 * Effects: from now on, in all threads, requests are sampled: one byte in so many, on average, has its request looked at; 0
 * stands for 524,288, and 1 is every request. What was sampled before counts on.
 * Returns: 0; ENOMEM when there is no memory for the tables, and then nothing has changed. errno stays as it is. */
int basalt_profile_start(size_t bytes_between_samples);

/* Effects: no request is sampled any more. The blocks that were are followed until they are freed, so a profile may be written
 * at any time afterwards. */
void basalt_profile_stop(void);

/* Effects: writes a profile in the format of pprof, not compressed, over what the file had, or behind what a descriptor has
 * been given: blocks and bytes allocated since the first start, and in use. Nothing is allocated, and no other thread is kept
 * waiting while it is written.
 * Returns: 0, or the error number of what failed, and then a part may have been written. errno stays as it is. */
int basalt_profile_write(const char* path);
int basalt_profile_write_fd(int fd);

struct basalt_profile_figures {
  size_t period;      /* bytes from one sample to the next, on average; 0: no request is sampled */
  size_t sampled;     /* requests, since the first start */
  size_t lost;        /* of these, the ones that are in no profile: the tables were full */
  size_t live;        /* blocks that were sampled, and are not freed yet; 65,536 at most */
  size_t sites;       /* different ways by which the program came to ask for them; 16,384 at most */
  size_t table_bytes; /* mapped for the tables, of which they use what they have entries for */
};
void basalt_profile_inspect(struct basalt_profile_figures* out);

/* Walks the heap.  Returns: NULL if every law holds, else the law that is broken, in words. */
const char* basalt_validate(void);

/* Asked before any request of this process is refused for want of memory, by every function that allocates except those of
 * heaps below, which have callbacks of their own. No lock is held; it may free and allocate, and several threads may be in
 * it at once. operator new asks the handler of std::set_new_handler after this one.
 * Returns: 0 to refuse; anything else to try again and, if need be, ask again. */
typedef int (*basalt_memory_handler)(size_t size);

/* Effects: `handler` is the one that is asked; NULL: nobody. Not in libbasalt-basic.  Returns: the one until now. */
basalt_memory_handler basalt_set_memory_handler(basalt_memory_handler handler);

/* Heaps as objects. Not in libbasalt-basic.
 *
 * A heap has blocks of its own, and ends with all of them at once. Any thread may use it at any time; there is a lock
 * in each. A block of one may also be given to basalt_free and basalt_realloc, and where malloc is Basalt's to free,
 * realloc and operator delete: a free has happened when it returns, a reallocated block stays in its heap.
 *
 * What points to a heap is never followed: to use one that was destroyed is noticed for certain and ends the program
 * with a sentence. Its blocks are gone with it, and to use one of those is not noticed. */
typedef struct basalt_heap basalt_heap;

/* Asked when a request for `size` bytes does not fit below the heap's limit, or there is no memory. It may free blocks, of
 * this heap too, and raise the limit; it should not allocate from this heap. No lock is held, and several threads may be in it at once.
 * Returns: 0 to refuse the request, anything else to try again and, if need be, ask again. */
typedef int (*basalt_heap_full)(basalt_heap* heap, size_t size, void* context);

/* All zero is what a heap is made with when NULL is passed. */
struct basalt_heap_options {
  const char* name;      /* for messages; copied, 31 bytes at most; NULL is "" */
  size_t limit;          /* bytes that the heap may have mapped; 0: no limit of its own */
  basalt_heap_full full; /* NULL: what does not fit is refused */
  void* context;         /* handed to `full` */
};

/* Returns: a new heap; NULL with errno ENOMEM when there is no memory for it, or 65,535 heaps already. */
basalt_heap* basalt_heap_create(const struct basalt_heap_options* options);

/* Effects: the heap ends, and every block of it with it; NULL is no heap, and nothing happens.
 * Requires: no other call on this heap, nor a free of a block of it, is under way. */
void basalt_heap_destroy(basalt_heap* heap);

/* As their namesakes above, for blocks of this heap: what basalt_heap_realloc and basalt_heap_free are given is a block
 * of this heap or NULL. */
void* basalt_heap_malloc(basalt_heap* heap, size_t size);
void* basalt_heap_calloc(basalt_heap* heap, size_t count, size_t size);
void* basalt_heap_realloc(basalt_heap* heap, void* p, size_t size);
void* basalt_heap_aligned_alloc(basalt_heap* heap, size_t alignment, size_t size);
void basalt_heap_free(basalt_heap* heap, void* p);

/* Returns: the heap of which p is a block; NULL if p belongs to none of these heaps. p is not followed. */
basalt_heap* basalt_heap_of(const void* p);

/* Effects: sets another limit; 0: none. What is above it already stays. */
void basalt_heap_limit(basalt_heap* heap, size_t bytes);

/* Exact at the moment of the call. The law: live_bytes <= mapped_bytes <= peak_mapped_bytes. */
struct basalt_heap_figures {
  char name[32];
  size_t live_blocks;
  size_t live_bytes;   /* in the hands of the program, rounding included */
  size_t mapped_bytes; /* what the heap has for itself, in pieces of 16 KiB and more: the limit is on this */
  size_t peak_mapped_bytes; /* the most that mapped_bytes has been */
  size_t limit;             /* 0: none */
};
void basalt_heap_inspect(basalt_heap* heap, struct basalt_heap_figures* out);

/* The blocks of one size class. Blocks above 32 KiB are in none. */
struct basalt_heap_class {
  size_t slot_bytes; /* what a block of this class takes up */
  size_t live_blocks;
  size_t mapped_bytes; /* in spans of this class */
};

/* Effects: writes the classes that the heap has spans of, smallest first, `most` at most.  Returns: how many there are. */
size_t basalt_heap_classes(basalt_heap* heap, struct basalt_heap_class* out, size_t most);

#ifdef __cplusplus
}
#endif
