// The engine behind protections that a program pays for: every free of every block is checked before anything else happens.
//
//   malloc(n)                                       free(p)
//     |- Engine::allocate    n + 1 bytes              |- Records::end       lives, and was not freed before?
//     |- Wipe::insist        nobody wrote there?      |- Canary::insist     nobody wrote past its end?
//     |- Canary::set         a mark behind it         |- Wipe::wipe         nothing of it stays
//     `- Records::begin      it lives                 `- Quarantine         another block goes to Engine::deallocate
//
// The engine below is the very one that ships without all this; nothing in it asks whether it is watched.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "../base/origin.hpp"
#include "../engine/engine.hpp"
#include "../platform/bytes.hpp"
#include "canary.hpp"
#include "crimes.hpp"
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
          class Quarantine = hardened::Quarantine>
class Hardened : public engine::Engine<System, Thread> {
  using Base = engine::Engine<System, Thread>;

 public:
  constexpr Hardened() noexcept {
    Base::space().policy.overlay = {.wary = true, .margin = margin, .gone = forget, .self = this};
  }

  [[nodiscard]] void* allocate(std::size_t size, std::size_t alignment,
                               Origin origin = Origin::unknown) noexcept {
    if (size > max_request) return nullptr;
    return protect(taken(size + margin, alignment, origin), size, origin, Contents::as_freed);
  }

  [[nodiscard]] void* allocate_zeroed(std::size_t size) noexcept {
    if (size >= engine::largest_small) {
      if (size > max_request) return nullptr;
      return protect(Base::allocate_zeroed(size + margin), size, Origin::malloc, Contents::any);
    }
    void* const p = allocate(size, natural, Origin::malloc);
    if (p != nullptr && !(Wipe::leaves_zero && block_at(p).protects())) clear_bytes(p, size);
    return p;
  }

  [[nodiscard]] bool deallocate(void* p, Origin origin = Origin::unknown) noexcept {
    const Block block = block_at(p);
    if (!block.protects()) return Base::deallocate(p, origin);
    const Record record = convicted_or_ended(block, p);
    give_back(block, p, record, origin);
    return true;
  }

  // The size has to be the very one that was asked for.
  [[nodiscard]] bool deallocate(void* p, std::size_t size, Origin origin = Origin::unknown) noexcept {
    const Block block = block_at(p);
    if (!block.protects()) return Base::deallocate(p, size, origin);
    const Record record = convicted_or_ended(block, p);
    insist_on_origin(p, record, origin);
    const std::size_t asked = block.usable - records_.slack(record, block.slice);
    if (asked != size) refuse_size(p, asked, size);
    give_back(block, p, record, origin);
    return true;
  }

  [[nodiscard]] void* reallocate(void* p, std::size_t size) noexcept {
    if (size > max_request) return nullptr;
    const Block block = block_at(p);
    if (!block.protects()) return reallocate_unprotected(p, size);
    const Record record = records_.look(block.slice, p);
    if (!record.live()) refuse(p, "realloc");
    insist_on_origin(p, record, Origin::malloc);
    const std::size_t old = block.usable - records_.slack(record, block.slice);
    if (size < block.usable && size + margin >= block.usable - block.usable / 4)
      return resize_here(block, p, old, size, record);
    if (!block.small() && size >= engine::largest_small) return resize_large(block, p, old, size, record);
    return copied(p, old, size);
  }

  // What was asked for, to the byte.
  [[nodiscard]] std::size_t usable_size(const void* p) const noexcept {
    const Block block = block_at(p);
    if (!block.protects()) return Base::usable_size(p);
    const Record record = records_.look(block.slice, p);
    if (!record.live()) refuse(p, "malloc_usable_size");
    return block.usable - records_.slack(record, block.slice);
  }

  bool trim() noexcept { return purge() != 0; }

  // Also what is in quarantine.
  std::size_t purge() noexcept {
    quarantine_.empty([this](void* block) { let_go(block); });
    return Base::purge();
  }

 private:
  // What is known of slices in which no block is: nothing, and that takes no memory.
  static void forget(void* self, std::size_t first, std::size_t count) noexcept {
    static_cast<Hardened*>(self)->records_.forget(first, count);
  }

  // engine::slot_bytes of each class, to be looked up rather than worked out.
  static constexpr auto slot_sizes = [] {
    std::array<std::uint16_t, engine::class_count> sizes{};
    for (unsigned c = 0; c < engine::class_count; ++c)
      sizes[c] = static_cast<std::uint16_t>(engine::slot_bytes(c));
    return sizes;
  }();

  static constexpr std::size_t natural = 16;
  static constexpr std::size_t margin = 1;  // bytes: there is something behind every block

  enum class Contents { as_freed, any };

  // While there is one, this thread is about to take a slot from a bin, or to put one in. A signal handler that comes in between may
  // do the same if it leaves the bin as it was: so what it frees goes there, and not to the quarantine.
  class Inside {
   public:
    Inside() noexcept : before_{already()} {
      Thread::inside().store(true, std::memory_order_relaxed);
      std::atomic_signal_fence(std::memory_order_seq_cst);
    }
    ~Inside() {
      std::atomic_signal_fence(std::memory_order_seq_cst);
      Thread::inside().store(before_, std::memory_order_relaxed);
    }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

    [[nodiscard]] static bool already() noexcept { return Thread::inside().load(std::memory_order_relaxed); }

   private:
    bool before_;
  };

  [[nodiscard]] void* taken(std::size_t size, std::size_t alignment, Origin origin) noexcept {
    Inside inside;
    return Base::allocate(size, alignment, origin);
  }
  void put_back(void* p) noexcept {
    Inside inside;
    (void)Base::deallocate(p);
  }

  // Where p points to: `usable` is 0 unless a protected block begins in this slice.
  struct Block {
    std::size_t slice = 0;
    engine::MapEntry entry = 0;
    std::size_t usable = 0;  // bytes, with what lies behind those that were asked for

    [[nodiscard]] bool protects() const noexcept { return usable != 0; }
    [[nodiscard]] bool small() const noexcept { return engine::is_span(entry); }
  };

  [[nodiscard, gnu::always_inline]] Block block_at(const void* p) const noexcept {
    auto& space = Base::space();
    const std::size_t slice = space.slice_of(p);
    if (slice == engine::Space<System>::none) return {};
    const engine::MapEntry entry = space.entry(slice);
    if (engine::is_span(entry)) [[likely]]
      return {slice, entry, slot_sizes[entry & 0xff]};
    return {slice, entry,
            p == space.address(slice) ? engine::LargeBlocks<System>{space}.usable_size(slice, entry) : 0};
  }

  // Returns: the block, which lives from now on; nullptr if p is, or there is no memory to keep a record in.
  [[nodiscard]] void* protect(void* p, std::size_t size, Origin origin, Contents contents) noexcept {
    if (p == nullptr) return nullptr;
    const Block block = block_at(p);
    if (!block.protects()) return p;
    if (!records_.ready(block.slice)) return (void)Base::deallocate(p, origin), nullptr;
    if (block.small() && contents == Contents::as_freed) Wipe::insist(p, block.usable);
    arm(block, p, size, origin);
    return p;
  }

  void arm(const Block& block, void* p, std::size_t size, Origin origin) noexcept {
    Canary::set(p, size, block.usable - size, records_.key());
    records_.begin(block.slice, p, origin, block.usable - size);
  }

  // Returns: what was known of the block, which lived until now.  Errors: for one that did not, the program ends.
  [[nodiscard]] Record convicted_or_ended(const Block& block, const void* p) noexcept {
    const Record record = records_.end(block.slice, p);
    if (!record.live()) [[unlikely]]
      refuse(p, nullptr);
    return record;
  }

  static void insist_on_origin(const void* p, Record record, Origin given_back) noexcept {
    if (!go_together(record.origin(), given_back)) [[unlikely]]
      refuse_origin(p, record.origin(), given_back);
  }

  void give_back(const Block& block, void* p, Record record, Origin origin) noexcept {
    insist_on_origin(p, record, origin);
    const std::size_t slack = records_.slack(record, block.slice);
    const std::size_t size = block.usable - slack;
    Canary::insist(p, size, slack, records_.key());
    if (!block.small()) return put_back(p);
    Wipe::wipe(p, size + std::min(slack, Canary::bytes));
    if (Inside::already()) return put_back(p);
    if (void* const next = quarantine_.admit(p, block.usable, Thread::heap(), records_.key())) put_back(next);
  }

  // Effects: what was in quarantine may go back to the system, and is looked at before.
  void let_go(void* p) noexcept {
    Wipe::insist(p, block_at(p).usable);
    put_back(p);
  }

  // Errors: a pointer to no block that lives ends the program.
  [[noreturn, gnu::cold]] void refuse(const void* p, const char* caller) const noexcept {
    const auto& space = Base::space();
    const std::size_t slice = space.slice_of(p);
    if (engine::is_span(space.entry(slice)))
      (void)engine::checked_slot(space.span_of(slice), static_cast<const std::byte*>(p));
    if (caller == nullptr) engine::refuse_double(p);
    refuse_freed(p, caller);
  }

  // What was the mark, and is the caller's now, must not tell what marks look like.
  [[nodiscard]] void* resize_here(const Block& block, void* p, std::size_t old, std::size_t size,
                                  Record record) noexcept {
    const std::size_t slack = block.usable - old;
    Canary::insist(p, old, slack, records_.key());
    const std::size_t begin = std::min(old, size);
    clear_bytes(static_cast<std::byte*>(p) + begin, old - begin + std::min(slack, Canary::bytes));
    arm(block, p, size, record.origin());
    return p;
  }

  // The block has no record while the engine moves it.
  [[nodiscard]] void* resize_large(const Block& block, void* p, std::size_t old, std::size_t size,
                                   Record record) noexcept {
    Canary::insist(p, old, block.usable - old, records_.key());
    std::byte* const spare = records_.take_spare();
    if (spare == nullptr) return nullptr;
    (void)convicted_or_ended(block, p);
    void* const resized = Base::reallocate(p, size + margin);
    const std::size_t slice = Base::space().slice_of(resized == nullptr ? p : resized);
    if (slice == engine::Space<System>::none) return records_.return_spare(spare), resized;  // guarded
    records_.use_spare(slice, spare);
    if (resized != nullptr) return protect(resized, size, record.origin(), Contents::any);
    arm(block, p, old, record.origin());
    return nullptr;
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
