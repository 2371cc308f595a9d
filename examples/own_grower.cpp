// A well of your own: two functions make a grower, and a heap can stand on it. This one hands out memory that is there
// anyway; when it is used up, pages of the operating system follow, but never more than a limit.
#include <basalt/basic.hpp>
#include <basalt/growers.hpp>

#include <cstdio>

struct Scratch {
  static constexpr std::size_t page_size() noexcept { return 4096; }

  basalt::Result<basalt::Range> grow(std::size_t bytes) noexcept {
    const std::size_t size = basalt::align_up(bytes, page_size());
    if (size > sizeof memory - used) return basalt::Result<basalt::Range>::failure(basalt::out_of_memory);
    used += size;
    return basalt::Result<basalt::Range>::success({memory + used - size, size});
  }

  alignas(4096) static inline std::byte memory[64 * basalt::KiB];
  std::size_t used = 0;
};

using Pages = basalt::MmapGrower<basalt::RawOs>;
using Well = basalt::Bounded<basalt::Counting<basalt::Fallback<Scratch, Pages>>>;

int main() {
  basalt::RawAlloc<Well> heap{1 * basalt::MiB};
  std::size_t blocks = 0;
  while (heap.allocate({10'000}).ok()) ++blocks;

  const basalt::Tally& grown = heap.grower().tally(basalt::Duty::grow);
  std::printf("%zu blocks of 10000 bytes fit into 1 MiB: %zu growths, %zu bytes\n", blocks, grown.calls,
              grown.bytes);
  return blocks > 80 && grown.bytes <= basalt::MiB && heap.stats().conserved() ? 0 : 1;
}
