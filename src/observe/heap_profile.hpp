// The sampled heap profile: who has asked for memory, and who still holds it, estimated from samples.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "../base/bits.hpp"
#include "../base/exponential.hpp"
#include "../base/published.hpp"
#include "../engine/lock.hpp"
#include "../platform/entropy.hpp"
#include "../platform/images.hpp"
#include "../platform/os.hpp"
#include "../platform/stack.hpp"

namespace basalt::observe {

// An estimate of blocks and of bytes in them, in parts of 1/256: what was added can be taken away again exactly.
struct Amount {
  static constexpr double scale = 256;

  std::uint64_t objects = 0;
  std::uint64_t bytes = 0;

  // Returns: what one sample stands for.  Requires: size != 0.
  [[nodiscard]] static constexpr Amount of(std::size_t size, std::size_t period) noexcept {
    const double requests = requests_for_sample(size, period);
    return {static_cast<std::uint64_t>(requests * scale + 0.5),
            static_cast<std::uint64_t>(requests * static_cast<double>(size) * scale + 0.5)};
  }

  void add(const Amount& other) noexcept {
    objects += other.objects;
    bytes += other.bytes;
  }
  void subtract(const Amount& other) noexcept {
    objects -= other.objects;
    bytes -= other.bytes;
  }
};

// A way by which the program came to ask for memory, the innermost call first.
struct Site {
  static constexpr std::size_t most_calls = 64;

  Amount allocated;
  Amount in_use;
  std::uint32_t next = 0;  // with the same hash
  std::uint32_t count = 0;
  std::uintptr_t calls[most_calls] = {};

  [[nodiscard]] bool is(const std::uintptr_t* other, std::size_t length) const noexcept {
    return count == length && std::equal(other, other + length, calls);
  }
};

// A block that was sampled and not freed yet.
struct LiveSample {
  std::uintptr_t block = 0;
  Amount amount;
  std::uint32_t site = 0;
  std::uint32_t next = 0;  // with the same hash, or not in use
};

// Of all that was sampled since the first start.
struct ProfileFigures {
  std::uint64_t sampled = 0;  // requests
  std::uint64_t lost =
      0;  // of these, for which the tables had no room, or whose free nobody would have noticed
  std::uint64_t live = 0;      // blocks that are followed
  std::uint64_t sites = 0;     // different ways by which they were asked for
  std::uint64_t began_at = 0;  // steady nanoseconds
  std::size_t period = 0;      // bytes, at the last sample
};

// Two tables of fixed size, mapped when they are first needed, of which pages are used as they fill. Entry 0 of each is nobody.
//
// Law: a site's `in_use` is the sum of the amounts of its live samples.
//
// What it is told does not allocate, and it is told with no lock held but its own.
template <Os System>
class HeapProfile {
 public:
  static constexpr std::uint32_t most_sites = 1 << 14;
  static constexpr std::uint32_t most_live = 1 << 16;

  constexpr HeapProfile() noexcept = default;

  [[nodiscard]] Error ready() noexcept {
    if (tables_.get() != nullptr) return no_error;
    const Result<std::byte*> memory = System::map(table_size);
    if (!memory.ok()) return memory.error;
    auto* const tables =
        reinterpret_cast<Tables*>(memory.value);  // zero, as the system gives it: to make it would use it up
    if (tables_.offer(tables) != tables) {
      (void)System::unmap({memory.value, table_size});
      return no_error;
    }
    Holding hold{lock_};
    figures_.began_at = steady_nanoseconds();
    return no_error;
  }

  [[gnu::noinline]] void note(const void* block, std::size_t size, std::size_t period) noexcept {
    std::uintptr_t calls[Site::most_calls];
    const std::size_t count = capture_calls(calls, Site::most_calls);
    Tables& tables = *tables_.get();
    Holding hold{lock_};
    ++figures_.sampled;
    figures_.period = period;
    const std::uint32_t site = site_of(tables, calls, count);
    const std::uint32_t live = site == 0 ? 0 : unused_live(tables);
    if (live == 0) {
      ++figures_.lost;
      return;
    }
    const Amount amount = Amount::of(size, period);
    tables.sites[site].allocated.add(amount);
    tables.sites[site].in_use.add(amount);
    std::uint32_t& first = tables.live_heads[hash_of(address_of(block)) % live_hashes];
    tables.live[live] = {address_of(block), amount, site, first};
    first = live;
    ++figures_.live;
  }

  void lose() noexcept {
    Holding hold{lock_};
    ++figures_.sampled;
    ++figures_.lost;
  }

  void forget(const void* block) noexcept {
    Tables* const tables = tables_.get();
    if (tables == nullptr) [[likely]]
      return;
    Holding hold{lock_};
    std::uint32_t* link = &tables->live_heads[hash_of(address_of(block)) % live_hashes];
    while (*link != 0 && tables->live[*link].block != address_of(block)) link = &tables->live[*link].next;
    const std::uint32_t found = *link;
    if (found == 0) return;
    LiveSample& sample = tables->live[found];
    tables->sites[sample.site].in_use.subtract(sample.amount);
    *link = sample.next;
    sample = {};
    sample.next = unused_live_;
    unused_live_ = found;
    --figures_.live;
  }

  [[nodiscard]] std::size_t table_bytes() const noexcept { return tables_.get() == nullptr ? 0 : table_size; }
  template <class Visitor>
  void each_table(Visitor&& visit) const noexcept {
    auto* const tables = reinterpret_cast<std::byte*>(tables_.get());
    if (tables != nullptr) visit(Range{tables, table_size});
  }

  // Effects: copies the sites, as far as there is room.  Returns: how many were copied.
  [[nodiscard]] std::size_t copy(Site* sites, std::size_t room) noexcept {
    const Tables* const tables = tables_.get();
    Holding hold{lock_};
    const std::size_t count = std::min<std::size_t>(figures_.sites, room);
    if (tables != nullptr) std::copy(tables->sites + 1, tables->sites + 1 + count, sites);
    return count;
  }

  [[nodiscard]] ProfileFigures figures() noexcept {
    Holding hold{lock_};
    return figures_;
  }

  [[nodiscard]] engine::Lock& lock() noexcept { return lock_; }

  // Returns: nullptr, or the law that is broken.
  [[nodiscard]] const char* broken_law() noexcept {
    Tables* const tables = tables_.get();
    if (tables == nullptr) return nullptr;
    Holding hold{lock_};
    Amount of_sites;
    Amount of_live;
    for (std::size_t i = 1; i <= figures_.sites; ++i) of_sites.add(tables->sites[i].in_use);
    for (std::size_t i = 1; i <= used_live_; ++i) of_live.add(tables->live[i].amount);
    const bool same = of_sites.objects == of_live.objects && of_sites.bytes == of_live.bytes;
    return same ? nullptr : "what is in use of all sites is that of all samples";
  }

 private:
  static constexpr std::uint32_t live_hashes = 1 << 14;
  static constexpr std::uint32_t site_hashes = 1 << 12;

  struct Tables {
    std::uint32_t live_heads[live_hashes];
    std::uint32_t site_heads[site_hashes];
    LiveSample live[most_live + 1];
    Site sites[most_sites + 1];
  };
  static constexpr std::size_t table_size = align_up(sizeof(Tables), std::size_t{64 * KiB});

  [[nodiscard]] static std::size_t hash_of(std::uintptr_t number) noexcept {
    return mixed_bits(number) >> 32;
  }

  // Requires: the lock.  Returns: 0 if the table is full.
  [[nodiscard]] std::uint32_t site_of(Tables& tables, const std::uintptr_t* calls,
                                      std::size_t count) noexcept {
    std::uintptr_t mixture = count;
    for (std::size_t i = 0; i < count; ++i) mixture = mixed_bits(mixture ^ calls[i]);
    std::uint32_t& first = tables.site_heads[mixture % site_hashes];
    for (std::uint32_t i = first; i != 0; i = tables.sites[i].next) {
      if (tables.sites[i].is(calls, count)) return i;
    }
    if (figures_.sites == most_sites) return 0;
    const auto fresh = static_cast<std::uint32_t>(++figures_.sites);
    Site& site = tables.sites[fresh];
    site.count = static_cast<std::uint32_t>(count);
    std::copy(calls, calls + count, site.calls);
    site.next = first;
    first = fresh;
    return fresh;
  }

  // Requires: the lock.  Returns: 0 if the table is full.
  [[nodiscard]] std::uint32_t unused_live(Tables& tables) noexcept {
    if (unused_live_ == 0) return used_live_ == most_live ? 0 : ++used_live_;
    const std::uint32_t found = unused_live_;
    unused_live_ = tables.live[found].next;
    return found;
  }

  Published<Tables*> tables_;
  engine::Lock lock_;
  ProfileFigures figures_;         // under the lock, and so are the tables and what follows
  std::uint32_t used_live_ = 0;    // entries that were ever used
  std::uint32_t unused_live_ = 0;  // the first of those that are not any more
};

}  // namespace basalt::observe
