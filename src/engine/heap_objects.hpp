// All heaps that are objects, and the handles by which a program knows them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <new>

#include "../base/bits.hpp"
#include "../base/published.hpp"
#include "../platform/bytes.hpp"
#include "../platform/fenced.hpp"
#include "crimes.hpp"
#include "heap_object.hpp"
#include "lock.hpp"
#include "memory_handler.hpp"
#include "page_map.hpp"
#include "space.hpp"

namespace basalt::engine {

// A handle is a number: which heap, and how many have had that number before. It is never followed, so one that outlives its
// heap is always recognised, also when another heap has the number by then.
//
//      63                          16 15        0
//      |        generation           |    id    |
//
// What a heap was described by is kept and used again for the next one.
template <AddressSpaceOs System>
class HeapObjects {
 public:
  using Object = HeapObject<System>;
  static constexpr unsigned id_bits = 16;
  static constexpr HeapId most = (1U << id_bits) - 1;  // heaps at a time

  constexpr HeapObjects() noexcept = default;

  // Returns: a new heap's handle; nullptr when there is no memory for it, or there are `most` already.
  [[nodiscard]] basalt_heap* create(Space<System>& space, const HeapTerms& terms) noexcept {
    Object* const object = unused(space);
    if (object == nullptr) return nullptr;
    Holding hold{object->lock};
    object->begin(terms);
    return handle_of(*object);
  }

  // Effects: gives back all that the heap has, whoever holds it.
  // Requires: no other call on this heap is under way.  Errors: what is no heap ends the program; nullptr is none, and nothing.
  void destroy(basalt_heap* handle) noexcept {
    if (handle == nullptr) return;
    Object* ended = nullptr;
    with(handle, [&](Object& object) {
      object.end();
      ended = &object;
    });
    Holding hold{lock_};
    ended->next_unused = unused_;
    unused_ = ended;
  }

  // Returns: a block of at least `size` bytes at a multiple of max(alignment, 16), or nullptr.
  [[nodiscard]] void* allocate(basalt_heap* handle, std::size_t size, std::size_t alignment) noexcept {
    for (;;) {
      void* block = nullptr;
      HeapTerms terms;
      with(handle, [&](Object& object) {
        block = object.take(size, alignment);
        if (block == nullptr) terms = object.terms();
      });
      if (block != nullptr || terms.full == nullptr || !servable(size, alignment) ||
          terms.full(handle, size, terms.context) == 0)
        return block;
    }
  }

  // Effects: frees a block of this heap.  Errors: what is none ends the program; it was given to `caller`.
  void free_in(basalt_heap* handle, const Space<System>& space, void* p, const char* caller) noexcept {
    with(handle, [&](Object& object) {
      const MapEntry entry = owned_entry(object, space, p, caller);
      object.put(p, space.slice_of(p), entry);
    });
  }

  // Errors: if p is not of this heap, the program ends.
  void insist(basalt_heap* handle, const Space<System>& space, const void* p,
              const char* caller) const noexcept {
    with(handle, [&](const Object& object) { (void)owned_entry(object, space, p, caller); });
  }

  // The following require that `slice` is the one in which p lies, and `entry` its entry, with is_object(entry).

  // Errors: what is free already, or is no block, ends the program.
  void free(const Space<System>& space, void* p, std::size_t slice, MapEntry entry) noexcept {
    Object& object = *objects_[owner_of(entry)];
    Holding hold{object.lock};
    if (space.entry(slice) != entry) refuse_double(p);
    object.put(p, slice, entry);
  }

  // Returns: a block of the same heap with the old contents, or nullptr, and then nothing has changed.
  [[nodiscard]] void* reallocate(Space<System>& space, void* p, std::size_t size) noexcept {
    const std::size_t slice = space.slice_of(p);
    const MapEntry entry = space.entry(slice);
    Object& object = *objects_[owner_of(entry)];
    const std::size_t old = Object::usable_size(space, slice, entry);
    basalt_heap* handle = nullptr;
    if (Holding hold{object.lock}; true) {
      if (void* const resized = object.resize(p, slice, entry, size)) return resized;
      handle = handle_of(object);
    }
    void* const fresh = allocate(handle, size, slot_step);
    if (fresh == nullptr) return nullptr;
    move_bytes(fresh, p, std::min(old, size));
    free(space, p, slice, entry);
    return fresh;
  }

  [[nodiscard]] basalt_heap* owner(MapEntry entry) const noexcept {
    Object& object = *objects_[owner_of(entry)];
    Holding hold{object.lock};
    return handle_of(object);
  }

  // Effects: calls `use` with the heap of this handle, under its lock.  Errors: what is no heap ends the program.
  template <class Use>
  void with(basalt_heap* handle, Use&& use) const noexcept {
    const auto bits = reinterpret_cast<std::uintptr_t>(handle);
    const auto id = static_cast<HeapId>(bits & most);
    if (id == 0 || id > made_.get()) refuse(handle);
    Holding hold{objects_[id]->lock};
    if (objects_[id]->generation != bits >> id_bits) refuse(handle);
    use(*objects_[id]);
  }

  // Requires for a complete answer: lock().
  template <class Visitor>
  void each(Visitor&& visit) const noexcept {
    const HeapId made = made_.get();
    for (HeapId id = 1; id <= made; ++id) visit(*objects_[id]);
  }

  // Returns: the bytes that are mapped to describe heaps.  Requires: lock().
  [[nodiscard]] std::size_t mapped_bytes() const noexcept { return mapped_; }

  // Effects: calls visit(range) for each of those mappings.  Requires: lock().
  template <class Visitor>
  void each_table(Visitor&& visit) const noexcept {
    if (objects_ == nullptr) return;
    visit(Range{reinterpret_cast<std::byte*>(objects_), (most + 1) * sizeof(Object*)});
    const Object* next = nullptr;
    each([&](const Object& object) {
      if (&object != next) visit(Range{reinterpret_cast<std::byte*>(objects_[object.id()]), batch});
      next = &object + 1;
    });
  }

  // The lock under which heaps come to be; it comes before those of the heaps.
  [[nodiscard]] Lock& lock() const noexcept { return lock_; }

 private:
  static constexpr std::size_t batch = 64 * KiB;  // bytes that are mapped at a time for descriptions of heaps

  [[nodiscard]] static basalt_heap* handle_of(const Object& object) noexcept {
    return reinterpret_cast<basalt_heap*>(object.generation << id_bits | object.id());
  }

  [[noreturn, gnu::cold]] static void refuse(const basalt_heap* handle) noexcept {
    Report report;
    report << "basalt: use of a heap that is none: " << static_cast<const void*>(handle)
           << " was destroyed, or was never created\n";
    end_report(report, Noticed::at_once, "something has kept the heap's handle for longer than the heap");
  }

  // Returns: the entry of the slice of p.
  [[nodiscard]] static MapEntry owned_entry(const Object& object, const Space<System>& space, const void* p,
                                            const char* caller) noexcept {
    const MapEntry entry = space.entry_of(p);
    if (is_object(entry) && owner_of(entry) == object.id()) return entry;
    Report report;
    report << "basalt: invalid pointer in " << caller << ": " << p << " is not a block of the heap \""
           << object.name() << "\"\n";
    end_report(report, Noticed::at_once,
               "it may be of another heap, or freed; basalt_heap_of tells which heap has it");
  }

  [[nodiscard]] Object* unused(Space<System>& space) noexcept {
    Holding hold{lock_};
    if (unused_ == nullptr) return make(space);
    Object* const object = unused_;
    unused_ = object->next_unused;
    return object;
  }

  [[nodiscard]] Object* make(Space<System>& space) noexcept {
    const HeapId id = made_.known() + 1;
    if (id > most || !have_room()) return nullptr;
    Object* const object = ::new (static_cast<void*>(free_)) Object;
    free_ += sizeof(Object);
    left_ -= sizeof(Object);
    object->start(space, id);
    objects_[id] = object;
    made_.set(id);
    return object;
  }

  [[nodiscard]] bool have_room() noexcept {
    if (objects_ == nullptr) {
      const Result<std::byte*> table = Fenced<System>::map((most + 1) * sizeof(Object*));
      if (!table.ok()) return false;
      objects_ = reinterpret_cast<Object**>(table.value);
      mapped_ += (most + 1) * sizeof(Object*);
    }
    if (left_ >= sizeof(Object)) return true;
    const Result<std::byte*> memory = Fenced<System>::map(batch);
    if (!memory.ok()) return false;
    free_ = memory.value;
    left_ = batch;
    mapped_ += batch;
    return true;
  }

  mutable Lock lock_;
  Object** objects_ = nullptr;  // by id; entry 0 is nobody
  Published<HeapId> made_;      // the highest id that was ever used; published after its entry
  Object* unused_ = nullptr;
  std::byte* free_ = nullptr;  // where the next description will lie
  std::size_t left_ = 0;       // bytes behind it
  std::size_t mapped_ = 0;
};

}  // namespace basalt::engine
