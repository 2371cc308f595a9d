// The small kitchen: an allocator to read, and to compose from.
//
//   UnixAllocator          thread-safe, pages from the OS, for callers who give sizes back
//   LockFreeAlloc<Grower>  the same without a lock on the list, for any number of threads
//   SizePrefixed<A>        makes any sized allocator answer free(p)
//   RawAlloc<Grower, …>    single-threaded, over any grower; fit, give-back policy and observer are of choice
//   BlockList              the sorted list of free blocks underneath
#pragma once

#include "basic/lock_free_alloc.hpp"
#include "basic/raw_alloc.hpp"
#include "basic/size_prefixed.hpp"
#include "basic/unix_allocator.hpp"
#include "source/fixed_buffer.hpp"
