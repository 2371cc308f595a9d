// Which grower has which duties, settled while compiling: the table of docs/reference/growers.md.
#include <gtest/gtest.h>
#include <basalt/growers.hpp>

#include "support/fake_wasm_memory.hpp"

namespace basalt {
namespace {

constexpr unsigned none = 0, gives_back = 1, decommits = 2, extends = 4, remaps = 8, knows_its_own = 16;

template <HeapGrower G>
constexpr unsigned duties_of = (GivesBack<G> ? gives_back : none) | (Decommits<G> ? decommits : none) |
                               (ExtendsInPlace<G> ? extends : none) | (Remaps<G> ? remaps : none) |
                               (KnowsItsOwn<G> ? knows_its_own : none);

using Mmap = MmapGrower<RawOs>;
using Sbrk = SbrkGrower<LibcOs>;
using Wasm = WasmGrower<test::FakeWasmMemory>;
using Known = Tracked<Mmap, RawOs>;

static_assert(duties_of<Mmap> == (gives_back | decommits | remaps));
static_assert(duties_of<MmapGrower<LibcOs>> == (gives_back | decommits | remaps));
static_assert(duties_of<Sbrk> == (decommits | extends));
static_assert(duties_of<FixedBuffer<>> == (extends | knows_its_own));
static_assert(duties_of<ToyHeap<>> == (extends | knows_its_own));
static_assert(duties_of<MemoryFile<RawOs>> == (extends | knows_its_own));
static_assert(duties_of<Wasm> == extends);

// Wrappers have the duties of what they wrap; Tracked adds one.
template <class G>
constexpr bool passed_on = duties_of<AtLeast<G, 64 * KiB>> == duties_of<G>&& duties_of<Counting<G>> ==
                           duties_of<G>&& duties_of<FailingAt<G>> == duties_of<G>&& duties_of<Bounded<G>> ==
                           duties_of<G>&& duties_of<Borrowed<G>> ==
                           duties_of<G>&& duties_of<Tracked<G, RawOs>> == (duties_of<G> | knows_its_own);
static_assert(passed_on<Mmap>);
static_assert(passed_on<Sbrk>);
static_assert(passed_on<ToyHeap<>>);
static_assert(passed_on<Wasm>);
static_assert(passed_on<Counting<AtLeast<Known, 64 * KiB>>>);

// A fallback can route only if both know their own; then it can what one of them can.
static_assert(duties_of<Fallback<ToyHeap<>, Mmap>> == none);
static_assert(duties_of<Fallback<Mmap, ToyHeap<>>> == none);
static_assert(duties_of<Fallback<ToyHeap<>, ToyHeap<>>> == (extends | knows_its_own));
static_assert(duties_of<Fallback<ToyHeap<>, Known>> == (duties_of<Known> | extends));
static_assert(duties_of<Fallback<Known, Known>> == duties_of<Known>);

TEST(Duties, AreSettledAtCompileTime) { SUCCEED(); }

}  // namespace
}  // namespace basalt
