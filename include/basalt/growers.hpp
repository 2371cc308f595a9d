// The wells: where a heap's bytes come from. A grower is anything with `grow` and `page_size`; see HeapGrower for the
// contract and for the optional duties.
//
// Which to take:
//   MmapGrower<System>       pages from the OS: the one to take when in doubt
//   SbrkGrower<System>       the end of the data segment: contiguous, but shared with everybody in the process
//   FixedBuffer<Page>        an array of yours, no OS at all;  ToyHeap<Bytes, Page> brings its own
//   MemoryFile<System>       a file at a fixed address: a heap that a later process can walk
//   WasmGrower<Memory>       a WebAssembly module's linear memory
//
// What to put round one; read from the outside in, each is one duty:
//   AtLeast<G, Portion>      asks in portions, so that growing is rare
//   Tracked<G, System>       remembers which addresses are ours: foreign pointers are recognised
//   Bounded<G>               so many bytes and no more
//   Fallback<A, B>           A first, then B
//   Borrowed<G>              somebody else's grower
//   Counting<G>              a tally of each duty
//   FailingAt<G>             refuses the k-th call, for tests
//
// `System` is RawOs (raw system calls: x86-64 and aarch64 Linux) or LibcOs.
#pragma once

#include "platform/libc_os.hpp"
#include "platform/raw_os.hpp"
#include "source/at_least.hpp"
#include "source/borrowed.hpp"
#include "source/bounded.hpp"
#include "source/counting.hpp"
#include "source/failing_at.hpp"
#include "source/fallback.hpp"
#include "source/fixed_buffer.hpp"
#include "source/memory_file.hpp"
#include "source/mmap_grower.hpp"
#include "source/sbrk_grower.hpp"
#include "source/tracked.hpp"
#include "source/wasm_grower.hpp"
