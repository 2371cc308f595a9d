// The engine behind protections that a program pays for: every free of every block is checked before anything else happens.
//
//   malloc(n)                                       free(p)
//     |- a slot of the engine's    n + 1 bytes        |- Records::end       lives, and was not freed before?
//     |- Records::try_begin        it lives           |- Canary::insist     nobody wrote past its end?
//     |- Wipe::insist              nobody wrote there?|- Wipe::wipe         nothing of it stays
//     `- Canary::set               a mark behind it   `- Quarantine         another block goes to Engine::deallocate
//
// That is the short way. The slow one begins the record last, when there is memory for one: Wipe, Canary, Records::begin.
//
// The engine below is the very one that ships without all this. Nothing on its short paths asks whether it is watched; its slow
// paths ask the Overlay.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "../base/origin.hpp"
#include "../base/range.hpp"
#include "../engine/engine.hpp"
#include "../platform/bytes.hpp"
#include "canary.hpp"
#include "crimes.hpp"
#include "ground.hpp"
#include "inside.hpp"
#include "places.hpp"
#include "quarantine.hpp"
#include "records.hpp"
#include "wipe.hpp"

namespace basalt::hardened {

// Each protection is a type, and has a twin that does nothing: Hardened<..., NoCanary, NoWipe, NoQuarantine> has the records only.
//
// `Thread` is what an engine wants, and has besides:
//
//   Thread::inside()   Returns: a flag of this thread, an std::atomic<bool>; at first false.
//
// Not protected, but served: blocks of heap objects, guarded blocks (which are protected better), and those of handlers of
// signals that interrupt an allocation.
template <AddressSpaceOs System, class Thread, class Canary = hardened::Canary, class Wipe = hardened::Wipe,
          class Quarantine = hardened::Quarantine, class Ranges = hardened::Ranges,
          class Walls = hardened::Walls, class Exile = hardened::Exile, class Shuffle = hardened::Shuffle>
class Hardened : public engine::Engine<System, Thread> {
  using Base = engine::Engine<System, Thread>;
  using Inside = hardened::Inside<Thread>;

 public:
  constexpr Hardened() noexcept {
    Base::space().policy.overlay = {.wary = true,
                                    .shuffled = Shuffle::shuffled,
                                    .apart = Ranges::apart,
                                    .walls = Walls::walls,
                                    .exile = Exile::exile,
                                    .largest_run = Walls::largest_run,
                                    .annex = Quarantine::annex,
                                    .margin = margin,
                                    .gone = forget,
                                    .going = Ranges::apart && Wipe::leaves_zero ? look_over : nullptr,
                                    .idle = Wipe::leaves_zero ? look_at : nullptr,
                                    .self = this};
  }

  [[nodiscard]] void* allocate(std::size_t size, std::size_t alignment,
                               Origin origin = Origin::unknown) noexcept {
    if (alignment <= natural) [[likely]] {
      if (void* const p = taken_at_once(size, origin)) return p;
    }
    return allocate_slowly(size, alignment, origin);
  }

  [[nodiscard]] void* allocate_zeroed(std::size_t size) noexcept {
    if constexpr (Wipe::leaves_zero) {
      if (void* const p = taken_at_once(size, Origin::malloc)) return p;
    }
    if (size >= engine::largest_small) {
      if (size > max_request) return nullptr;
      void* const fresh = call_inside<Thread>([&] { return Base::allocate_zeroed(size + margin); });
      return protect(fresh, size, Origin::malloc, Contents::any);
    }
    void* const p = allocate(size, natural, Origin::malloc);
    if (p != nullptr && !(Wipe::leaves_zero && block_at(Base::space(), p).protects())) clear_bytes(p, size);
    return p;
  }

  [[nodiscard]] bool deallocate(void* p, Origin origin = Origin::unknown) noexcept {
    const Slot slot = slot_at(*Thread::heap(), p);
    if (slot.usable == 0 || more_to_do()) [[unlikely]]
      return deallocate_slowly(p, origin);
    give_back(slot, p, ended(slot, p), origin);
    return true;
  }

  // The size has to be the very one that was asked for.
  [[nodiscard]] bool deallocate(void* p, std::size_t size, Origin origin = Origin::unknown) noexcept {
    const Slot slot = slot_at(*Thread::heap(), p);
    if (slot.usable == 0 || more_to_do()) [[unlikely]]
      return deallocate_slowly(p, origin, size);
    const Record record = ended(slot, p);
    insist_on_size(slot, p, record, size, origin);
    give_back(slot, p, record, origin);
    return true;
  }

  [[nodiscard]] void* reallocate(void* p, std::size_t size) noexcept {
    if (size > max_request) return nullptr;
    const Block block = block_at(Base::space(), p);
    if (!block.protects()) return reallocate_unprotected(p, size);
    const Record record = records_.look(block.slice, p);
    if (!record.live()) refuse(Base::space(), p, "realloc");
    insist_on_origin(Base::space(), p, record, Origin::malloc);
    const std::size_t old = block.usable - records_.slack(record, block.slice, p);
    if (block.closed()) return copied(p, 0, size);
    if (size < block.usable && size + margin >= block.usable - block.usable / 4)
      return resize_here(block, p, old, size, record);
    if (!block.small() && size >= engine::largest_small) return resize_large(block, p, old, size, record);
    return copied(p, old, size);
  }

  // What was asked for, to the byte.
  [[nodiscard]] std::size_t usable_size(const void* p) const noexcept {
    const Block block = block_at(Base::space(), p);
    if (!block.protects()) {
      engine::LargeBlocks<System>{Base::space()}.insist_on_beginning(p, block.slice, block.entry);
      return Base::usable_size(p);
    }
    const Record record = records_.look(block.slice, p);
    if (!record.live()) refuse(Base::space(), p, "malloc_usable_size");
    return block.usable - records_.slack(record, block.slice, p);
  }

  bool trim() noexcept { return purge() != 0; }

  // What is left to chance goes another way than in the parent or in another child. Marks stay as they are: live blocks have them.
  void after_fork_in_child() noexcept {
    if (!Base::interrupted() && !Inside::already()) {
      const std::uint64_t entropy = child_entropy();
      Base::pool().each([&](engine::Heap<System>& heap) {
        if constexpr (Shuffle::shuffled) heap.shuffle_anew(entropy);
        Quarantine::reseed(heap, entropy);
      });
    }
    Base::after_fork_in_child();
  }

  // As of the engine, with the records: those of memory that goes back to the system go with it.
  template <class Use>
  void with_statistics(Use&& use) const noexcept {
    std::size_t records = 0;
    records_.each_table([&](Range table) { records += table.size; });
    Base::with_statistics([&](engine::Statistics now, const auto& each_heap) {
      const std::size_t kept = std::min(records, Records<System>::bytes_of(now.live() + now.idle_bound));
      now.add_metadata(records);
      now.idle_bound -= records - kept;
      use(std::as_const(now), each_heap);
    });
  }
  template <class Visitor>
  void each_table(Visitor&& visit) const noexcept {
    Base::each_table(visit);
    records_.each_table(visit);
  }

  // Also what is in quarantine; other threads that have heaps see to theirs when they free next.
  std::size_t purge() noexcept {
    if (Base::interrupted() || Inside::already()) return 0;
    quarantine_.empty_shared([this](void* block) { let_go(block); });
    for (engine::HeapId id = 1; empty_ward_of(id);) ++id;
    empty_own_ward();  // at last: to free what was in the others may have taken one of their heaps
    Inside inside;
    return Base::purge();
  }

 private:
  // What is known of slices in which no block is: nothing, and that takes no memory.
  static void forget(void* self, std::size_t first, std::size_t count) noexcept {
    static_cast<Hardened*>(self)->records_.forget(first, count);
  }

  // Slots that nobody has are zero. Before they lose their pages is the last moment to see that somebody wrote there.
  static void look_over(void* self, std::size_t first, std::size_t count) noexcept {
    if constexpr (Wipe::leaves_zero) insist_on_zero<Wipe>(space_of(self), first, count);
  }

  static void look_at(void* me, const std::byte* p, std::size_t n) noexcept {
    Wipe::insist(space_of(me), p, n);
  }
  static auto& space_of(void* self) noexcept { return static_cast<Hardened*>(self)->Base::space(); }

  static constexpr std::size_t natural = 16;
  static constexpr std::size_t margin = 1;  // bytes: there is something behind every block

  enum class Contents { as_freed, any };

  [[nodiscard]] void* taken(std::size_t size, std::size_t alignment, Origin origin) noexcept {
    return call_inside<Thread>([&] { return Base::allocate(size, alignment, origin); });
  }
  [[gnu::noinline]] void put_back(void* p) noexcept {
    (void)call_inside<Thread>([&] { return Base::deallocate(p); });
  }

  // Whether a free cannot take the shortest way, whatever it frees.  Requires: the thread has a heap.
  [[nodiscard, gnu::always_inline]] static bool more_to_do() noexcept {
    return Inside::already() || Quarantine::has_to_go(*Thread::heap());
  }

  // Returns: a block from a bin of the thread's; nullptr if it has none for the request, or no record can be kept at once.
  [[nodiscard, gnu::always_inline]] void* taken_at_once(std::size_t size, Origin origin) noexcept {
    if (size - 1 >= engine::largest_small - margin || Inside::already()) [[unlikely]]
      return nullptr;
    engine::Heap<System>& heap = *Thread::heap();
    void* slot = nullptr;
    if (Inside inside; !heap.allocate_counted(size + margin, slot) && !heap.allocate(size + margin, slot))
      return nullptr;
    const std::size_t usable = slot_size_of(engine::class_of(size + margin));
    const std::size_t slice = heap.window.slice_of(slot);
    const bool begun = slice < heap.window.slices && records_.try_begin(slice, slot, origin, usable - size);
    if (!begun) [[unlikely]]
      return protect(slot, size, origin, Contents::as_freed);
    Wipe::insist(Base::space(), slot, usable);
    Canary::set(slot, size, usable - size, records_.key());
    return slot;
  }

  [[nodiscard, gnu::noinline]] void* allocate_slowly(std::size_t size, std::size_t alignment,
                                                     Origin origin) noexcept {
    if (size > max_request) return nullptr;
    const bool nothing = size == 0 && alignment <= natural;
    return protect(taken(nothing ? 0 : size + margin, alignment, origin), size, origin, Contents::as_freed);
  }

  // Returns: the block, which lives from now on; nullptr if p is, or there is no memory to keep a record in.
  [[nodiscard, gnu::noinline]] void* protect(void* p, std::size_t size, Origin origin,
                                             Contents contents) noexcept {
    if (p == nullptr) return nullptr;
    const Block block = block_at(Base::space(), p);
    if (!block.protects()) return p;
    if (!records_.ready(block.slice, block.huge())) return put_back(p), nullptr;
    if (block.small() && !block.closed() && contents == Contents::as_freed)
      Wipe::insist(Base::space(), p, block.usable);
    arm(block, p, size, origin);
    return p;
  }

  void arm(const Block& block, void* p, std::size_t size, Origin origin) noexcept {
    if (!block.closed()) Canary::set(p, size, block.usable - size, records_.key());
    records_.begin(block.slice, p, origin, block.usable - size);
  }

  // Returns: what was known of the block, which lived until now.  Errors: for one that did not, the program ends.
  template <class Place>
  [[nodiscard, gnu::always_inline]] Record ended(const Place& place, const void* p) noexcept {
    const Record record = records_.end(place.slice, p);
    if (!record.live()) [[unlikely]]
      refuse(Base::space(), p, nullptr);
    return record;
  }

  template <class Place>
  void insist_on_size(const Place& place, const void* p, Record record, std::size_t size,
                      Origin origin) const noexcept {
    insist_on_origin(Base::space(), p, record, origin);
    const std::size_t asked = place.usable - records_.slack(record, place.slice, p);
    if (asked != size) [[unlikely]]
      hardened::refuse_size(Base::space(), p, asked, size);
  }

  // What is short is wiped without a call, so that nothing has to be kept over one.
  [[gnu::always_inline]] void give_back(const Slot& slot, void* p, Record record, Origin origin) noexcept {
    insist_on_origin(Base::space(), p, record, origin);
    const std::size_t slack = records_.slack(record, slot.slice, p);
    const std::size_t size = slot.usable - slack;
    Canary::insist(Base::space(), p, size, slack, records_.key());
    const std::size_t written = size + std::min(slack, Canary::bytes);
    if (written > Wipe::few) return wipe_and_leave(p, written, slot.usable);
    Wipe::wipe_few(p, written);
    leave(p, slot.usable);
  }

  [[gnu::noinline]] void wipe_and_leave(void* p, std::size_t written, std::size_t usable) noexcept {
    Wipe::wipe(p, written);
    leave(p, usable);
  }

  // Effects: the block goes into quarantine, and another one where it belongs.  Requires: nobody is inside, the thread has a heap.
  [[gnu::always_inline]] void leave(void* p, std::size_t bytes) noexcept {
    engine::Heap<System>& heap = *Thread::heap();
    void* next = nullptr;
    {
      Inside inside;
      next = Quarantine::admit(heap, p, bytes, records_.key());
      if (next == nullptr || heap.free(next)) return;
    }
    put_back(next);
  }

  // `size` is what the caller says that the block has, if anything.
  template <class... Size>
  [[nodiscard, gnu::noinline]] bool deallocate_slowly(void* p, Origin origin, Size... size) noexcept {
    const Block block = block_at(Base::space(), p);
    if (!block.protects()) return Base::deallocate(p, size..., origin);
    const Record record = ended(block, p);
    (insist_on_size(block, p, record, size, origin), ...);
    give_back_slowly(block, p, record, origin);
    return true;
  }

  [[gnu::noinline]] void give_back_slowly(const Block& block, void* p, Record record,
                                          Origin origin) noexcept {
    insist_on_origin(Base::space(), p, record, origin);
    const std::size_t slack = records_.slack(record, block.slice, p);
    const std::size_t size = block.usable - slack;
    if (!block.closed()) {
      Canary::insist(Base::space(), p, size, slack, records_.key());
      if (!block.small()) return put_back(p);
      Wipe::wipe(p, size + std::min(slack, Canary::bytes));
    }
    if (Inside::already()) return put_back(p);
    if (Thread::heap()->id == 0) {
      if (void* const next = quarantine_.admit_to_shared(p, block.usable, records_.key())) put_back(next);
      return;
    }
    if (Quarantine::has_to_go(*Thread::heap())) empty_own_ward();
    leave(p, block.usable);
  }

  [[gnu::noinline]] void empty_own_ward() noexcept {
    engine::Heap<System>& heap = *Thread::heap();
    if (heap.id != 0) Quarantine::empty(heap, [this](void* block) { let_go(block); });
  }

  // Effects: nothing stays in the ward of this heap, or its thread has been told so.  Returns: whether there is such a heap.
  [[nodiscard, gnu::noinline]] bool empty_ward_of(engine::HeapId id) noexcept {
    void* gone[Quarantine::places];
    std::size_t count = 0;
    const auto look = [&](engine::Heap<System>& heap) {
      if (heap.parked) {
        Quarantine::empty(heap, [&](void* block) { gone[count++] = block; });
      } else if (&heap != Thread::heap()) {
        Quarantine::ask_to_empty(heap);
      }
    };
    const bool any = (engine::Alone<Thread>{}, Base::pool().with(id, look));
    for (std::size_t i = 0; i < count; ++i) let_go(gone[i]);
    return any;
  }

  // Effects: what was in quarantine may go back to the system, and is looked at before.
  void let_go(void* p) noexcept {
    const Block block = block_at(Base::space(), p);
    if (!block.closed()) Wipe::insist(Base::space(), p, block.usable);
    put_back(p);
  }

  // What was the mark is the caller's now, and must not tell what marks look like. Who frees the block meanwhile is found out.
  [[nodiscard]] void* resize_here(const Block& block, void* p, std::size_t old, std::size_t size,
                                  Record record) noexcept {
    (void)ended(block, p);
    const std::size_t slack = block.usable - old;
    Canary::insist(Base::space(), p, old, slack, records_.key());
    const std::size_t begin = std::min(old, size);
    clear_bytes(static_cast<std::byte*>(p) + begin, old - begin + std::min(slack, Canary::bytes));
    arm(block, p, size, record.origin());
    return p;
  }

  // The engine moves a block without a record. There will be room for one: it stays in its chunk, or has chunks to itself.
  [[nodiscard]] void* resize_large(const Block& block, void* p, std::size_t old, std::size_t size,
                                   Record record) noexcept {
    (void)ended(block, p);
    const std::size_t slack = block.usable - old;
    Canary::insist(Base::space(), p, old, slack, records_.key());
    clear_bytes(static_cast<std::byte*>(p) + old, std::min(slack, Canary::bytes));
    void* const resized = Base::resize_large(p, size + margin);
    if (resized != nullptr) return protect(resized, size, record.origin(), Contents::any);
    arm(block, p, old, record.origin());
    return copied(p, old, size);
  }

  [[nodiscard]] void* reallocate_unprotected(void* p, std::size_t size) noexcept {
    if (Base::heap_of(p) != nullptr) return Base::reallocate(p, size);
    return copied(p, Base::guarded().owns(p) ? Base::guarded().usable_size(p, "realloc") : usable_size(p),
                  size);
  }

  [[nodiscard]] void* copied(void* p, std::size_t old, std::size_t size) noexcept {
    void* const fresh = allocate(size, natural, Origin::malloc);
    if (fresh == nullptr) return nullptr;
    move_bytes(fresh, p, std::min(old, size));
    (void)deallocate(p, Origin::malloc);
    return fresh;
  }

  Records<System> records_;
  [[no_unique_address]] Quarantine quarantine_;
};

}  // namespace basalt::hardened
