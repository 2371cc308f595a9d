// The tour of docs/tour.md as it really goes: each step of a few allocations and frees, with the bytes it touches.
//
// The heap is the one that answers malloc when Basalt's small kitchen is preloaded, with one change: an observer, which
// prints every step as it is made.
#include <basalt/basic.hpp>

#include <cstdio>

namespace {

using namespace basalt;

// What came from the system, in the order in which it came: the first growth is called A, the second B.
Range growths[4];
std::size_t growth_count = 0;

// A place is shown as the growth that it lies in and its distance from where that begins.
struct Place {
  char growth;
  std::ptrdiff_t offset;  // bytes
};

Place place_of(const std::byte* address) {
  for (std::size_t i = 0; i < growth_count; ++i) {
    if (growths[i].contains({const_cast<std::byte*>(address), 1}))
      return {static_cast<char>('A' + i), address - growths[i].begin};
  }
  return {'?', 0};
}

void say(const char* step, Range range) {
  const Place place = place_of(range.begin);
  const std::ptrdiff_t end = place.offset + static_cast<std::ptrdiff_t>(range.size);
  std::printf("    %-9s %c[%7td, %7td)  %7zu bytes\n", step, place.growth, place.offset, end, range.size);
}

void note_growth(Range fresh) {
  if (growth_count < 4) growths[growth_count++] = fresh;
  say("grow", fresh);
}

struct Guide : Silent {
  static void searched(Range block) noexcept { say("search", block); }
  static void inserted(Range block) noexcept { say("insert", block); }
  static void unlinked(Range block) noexcept { say("unlink", block); }
  static void split(Range, Range taken) noexcept { say("cut off", taken); }
  static void merged(Range, Range follower) noexcept { say("merge", follower); }
  static void grew(Range fresh) noexcept { note_growth(fresh); }
  static void gave_back(Range run) noexcept { say("give back", run); }
};

using Sized = Locked<RawAlloc<UnixHeapGrower, FirstFit, GiveBackByDefault, Guide>, SpinLock<Backoff>>;
constinit SizePrefixed<Sized> heap;

void tell_totals() {
  const HeapStats stats = heap.stats();
  std::printf("    now       %zu live + %zu free in %zu %s == %zu grown - %zu given back\n\n",
              stats.live_bytes, stats.free_bytes, stats.free_blocks,
              stats.free_blocks == 1 ? "block" : "blocks", stats.grown_bytes, stats.given_back_bytes);
}

void* allocate(const char* name, std::size_t size) {
  std::printf("%s = malloc(%zu)\n", name, size);
  void* const p = heap.allocate(size, 16);
  if (p == nullptr) return nullptr;
  const Place place = place_of(static_cast<std::byte*>(p));
  std::printf("    answer    %s == %p, which is %c + %td\n", name, p, place.growth, place.offset);
  tell_totals();
  return p;
}

bool release(const char* name, void* p) {
  std::printf("free(%s)\n", name);
  const bool ours = heap.deallocate(p);
  tell_totals();
  return ours;
}

}  // namespace

int main() {
  void* const a = allocate("a", 100);      // the first: the system is asked
  void* const b = allocate("b", 100);      // from the list
  bool ours = release("a", a);             // back on it
  ours = release("b", b) && ours;          // and merged with both neighbours
  void* const c = allocate("c", 4 * MiB);  // more than there is
  ours = release("c", c) && ours;          // so much that some goes back to the system
  const bool whole = heap.broken_law() == nullptr && heap.stats().conserved() && heap.stats().live_bytes == 0;
  return ours && whole ? 0 : 1;
}
