// Chunks that lie outside the window: where each of them is, and which one an address lies in.
//
//      root     | 8,192 pointers |                  by bits 35 to 47 of the address
//                   |
//      leaf     | 8,192 numbers  |                  by bits 22 to 34: which chunk, counted from 1
//
// There are none as long as the window has room, and then nothing of this is mapped. Looking one up takes no lock; so what
// was mapped for a leaf stays.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../base/bits.hpp"
#include "../base/published.hpp"
#include "../base/range.hpp"
#include "../platform/fenced.hpp"
#include "../platform/os.hpp"

namespace basalt::engine {

template <Os System>
class Outlying {
 public:
  static constexpr std::size_t none = SIZE_MAX;
  static constexpr std::size_t most = 1 << 14;  // chunks
  static constexpr unsigned chunk_shift = 22;

  constexpr Outlying() noexcept = default;

  [[nodiscard]] bool any() const noexcept { return root_.get() != nullptr; }

  // Returns: the index of the chunk in which the address lies, or `none`. Any address may be asked for.
  [[nodiscard]] std::size_t find(std::uintptr_t address) const noexcept {
    const Root* const root = root_.get();
    const std::uintptr_t chunk = address >> chunk_shift;
    if (root == nullptr || chunk >= fan * fan) return none;
    const Leaf* const leaf = root->leaves[chunk / fan].get();
    if (leaf == nullptr) return none;
    return leaf->numbers[chunk % fan].get() - std::size_t{1};  // 0 becomes `none`
  }

  // Requires: the chunk has been added.
  [[nodiscard]] std::byte* address(std::size_t index) const noexcept { return root_.get()->places[index]; }

  // The following require the lock of the Space.

  // Effects: the chunks from `index` on lie side by side at `place`.  Returns: whether there was memory to note it.
  [[nodiscard]] bool add(std::size_t index, std::size_t count, std::byte* place) noexcept {
    for (std::size_t i = 0; i < count; ++i) {
      if (!have_leaf(address_of(place) + (i << chunk_shift))) return false;
    }
    for (std::size_t i = 0; i < count; ++i) {
      std::byte* const here = place + (i << chunk_shift);
      root_.known()->places[index + i] = here;
      number(here).set(static_cast<std::uint32_t>(index + i + 1));
    }
    return true;
  }

  void remove(std::size_t index, std::size_t count) noexcept {
    for (std::size_t i = 0; i < count; ++i) number(address(index + i)).set(0);
  }

  [[nodiscard]] std::size_t mapped_bytes() const noexcept { return mapped_bytes_; }

  // Effects: calls visit(range) for each mapping of the tables.
  template <class Visitor>
  void each_table(Visitor&& visit) const noexcept {
    auto* const root = root_.get();
    if (root == nullptr) return;
    visit(Range{reinterpret_cast<std::byte*>(root), sizeof(Root)});
    for (const Published<Leaf*>& leaf : root->leaves) {
      auto* const there = reinterpret_cast<std::byte*>(leaf.get());
      if (there != nullptr) visit(Range{there, sizeof(Leaf)});
    }
  }

 private:
  static constexpr std::size_t fan = 1 << 13;

  struct Leaf {
    Published<std::uint32_t> numbers[fan];
  };
  struct Root {
    Published<Leaf*> leaves[fan];
    std::byte* places[most];
  };

  [[nodiscard]] Published<std::uint32_t>& number(const std::byte* place) const noexcept {
    const std::uintptr_t chunk = address_of(place) >> chunk_shift;
    return root_.known()->leaves[chunk / fan].known()->numbers[chunk % fan];
  }

  // Memory of the system is zero, and so are an empty root and an empty leaf.
  [[nodiscard]] bool have_leaf(std::uintptr_t address) noexcept {
    const std::uintptr_t chunk = address >> chunk_shift;
    if (chunk >= fan * fan) return false;
    if (!any()) {
      auto* const root = reinterpret_cast<Root*>(mapped(sizeof(Root)));
      if (root == nullptr) return false;
      root_.set(root);
    }
    Published<Leaf*>& leaf = root_.known()->leaves[chunk / fan];
    if (leaf.known() == nullptr) leaf.set(reinterpret_cast<Leaf*>(mapped(sizeof(Leaf))));
    return leaf.known() != nullptr;
  }

  [[nodiscard]] std::byte* mapped(std::size_t bytes) noexcept {
    const std::size_t whole = align_up(bytes, System::page_size());
    const Result<std::byte*> memory = Fenced<System>::map(whole);
    if (memory.ok()) mapped_bytes_ += whole;
    return memory.value;
  }

  Published<Root*> root_;
  std::size_t mapped_bytes_ = 0;
};

}  // namespace basalt::engine
