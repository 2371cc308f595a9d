// Every public header, from where it was installed.
#include <basalt/basalt.h>
#include <basalt/allocator.hpp>
#include <basalt/basic.hpp>
#include <basalt/growers.hpp>
#include <basalt/pmr.hpp>

#include <cstdio>
#include <vector>

int main() {
  static basalt::SizePrefixed<basalt::UnixAllocator> heap;
  static basalt::ToyHeap<> array;
  basalt::MemoryResource resource{heap};
  std::pmr::vector<int> numbers{{1, 2, 3}, &resource};
  basalt::RawAlloc<basalt::FixedBuffer<>> small{reinterpret_cast<std::byte*>(&array), sizeof array};
  const bool well = heap.owns(numbers.data()) && small.allocate({100, 8, 0}).ok() && basalt_is_active() == 0;
  std::puts(well ? "composed" : "NOT composed");
  return well ? 0 : 1;
}
