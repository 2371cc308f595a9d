// Containers with a heap of their own: one by std::pmr, one by a standard allocator, both over the same memory.
#include <basalt/allocator.hpp>
#include <basalt/basic.hpp>
#include <basalt/pmr.hpp>

#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <vector>

using Heap = basalt::SizePrefixed<basalt::UnixAllocator>;

int main() {
  static Heap heap;
  {
    basalt::MemoryResource resource{heap};
    std::pmr::vector<std::pmr::string> words{&resource};
    for (int i = 0; i < 1000; ++i) words.emplace_back("a string too long to be kept inside of itself");

    using Pair = std::pair<const int, int>;
    using Table = std::map<int, int, std::less<>, basalt::StdAllocator<Pair, Heap>>;
    Table squares{basalt::StdAllocator<Pair, Heap>{heap}};
    for (int i = 0; i < 1000; ++i) squares[i] = i * i;

    std::printf("%zu words and %zu squares in %zu bytes\n", words.size(), squares.size(),
                heap.stats().live_bytes);
  }
  std::printf("%zu bytes are left over\n", heap.stats().live_bytes);
  return heap.stats().live_bytes == 0 && heap.validate().valid() ? 0 : 1;
}
