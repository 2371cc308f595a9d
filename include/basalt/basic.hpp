// The small kitchen: an allocator to read, and to compose from.
//
//   UnixAllocator          thread-safe, pages from the OS, for callers who give sizes back
//   SizePrefixed<A>        makes any sized allocator answer free(p)
//   RawAlloc<Grower, …>    single-threaded, over any grower, with a fit, a give-back policy and an observer
//   of choice BlockList              the sorted list of free blocks underneath
#pragma once

#include "basic/raw_alloc.hpp"
#include "basic/size_prefixed.hpp"
#include "basic/unix_allocator.hpp"
#include "source/fixed_buffer.hpp"
