// Which grower has which duties, settled while compiling: the table of docs/reference/growers.md.
#include <gtest/gtest.h>
#include <basalt/growers.hpp>

#include "support/fake_wasm_memory.hpp"

namespace basalt {
namespace {

template <class G>
constexpr bool duties_are(bool gives_back, bool decommits, bool extends, bool remaps, bool knows_its_own) {
  return HeapGrower<G> && GivesBack<G> == gives_back && Decommits<G> == decommits &&
         ExtendsInPlace<G> == extends && Remaps<G> == remaps && KnowsItsOwn<G> == knows_its_own;
}

constexpr bool yes = true;
constexpr bool no = false;

using Mmap = MmapGrower<RawOs>;
using Sbrk = SbrkGrower<LibcOs>;
using Wasm = WasmGrower<test::FakeWasmMemory>;
using File = MemoryFile<RawOs>;

//                          gives back, decommits, extends, remaps, knows its own
static_assert(duties_are<Mmap>(yes, yes, no, yes, no));
static_assert(duties_are<MmapGrower<LibcOs>>(yes, yes, no, yes, no));
static_assert(duties_are<Sbrk>(no, yes, yes, no, no));
static_assert(duties_are<FixedBuffer<>>(no, no, yes, no, yes));
static_assert(duties_are<ToyHeap<>>(no, no, yes, no, yes));
static_assert(duties_are<File>(no, no, yes, no, yes));
static_assert(duties_are<Wasm>(no, no, yes, no, no));

// Wrappers have the duties of what they wrap; Tracked adds one.
template <class G>
constexpr bool wrappers_pass_on = [] {
  constexpr bool gives_back = GivesBack<G>, decommits = Decommits<G>, extends = ExtendsInPlace<G>,
                 remaps = Remaps<G>, knows = KnowsItsOwn<G>;
  return duties_are<AtLeast<G, 64 * KiB>>(gives_back, decommits, extends, remaps, knows) &&
         duties_are<Counting<G>>(gives_back, decommits, extends, remaps, knows) &&
         duties_are<FailingAt<G>>(gives_back, decommits, extends, remaps, knows) &&
         duties_are<Bounded<G>>(gives_back, decommits, extends, remaps, knows) &&
         duties_are<Borrowed<G>>(gives_back, decommits, extends, remaps, knows) &&
         duties_are<Tracked<G, RawOs>>(gives_back, decommits, extends, remaps, yes);
}();
static_assert(wrappers_pass_on<Mmap>);
static_assert(wrappers_pass_on<Sbrk>);
static_assert(wrappers_pass_on<ToyHeap<>>);
static_assert(wrappers_pass_on<Wasm>);
static_assert(wrappers_pass_on<Counting<Tracked<AtLeast<Mmap, 64 * KiB>, RawOs>>>);

// A fallback can route only if both know their own; then it can what one of them can.
static_assert(duties_are<Fallback<ToyHeap<>, Mmap>>(no, no, no, no, no));
static_assert(duties_are<Fallback<Mmap, ToyHeap<>>>(no, no, no, no, no));
static_assert(duties_are<Fallback<ToyHeap<>, ToyHeap<>>>(no, no, yes, no, yes));
static_assert(duties_are<Fallback<ToyHeap<>, Tracked<Mmap, RawOs>>>(yes, yes, yes, yes, yes));
static_assert(duties_are<Fallback<Tracked<Mmap, RawOs>, Tracked<Mmap, RawOs>>>(yes, yes, no, yes, yes));

TEST(Duties, AreSettledAtCompileTime) { SUCCEED(); }

}  // namespace
}  // namespace basalt
