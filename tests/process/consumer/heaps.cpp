// A heap as an object, beside whatever malloc there is.
#include <basalt/heap.hpp>

#include <cstdio>
#include <string>
#include <vector>

int main() {
  basalt::heap heap{"consumer", 1 << 20};
  basalt::heap_resource resource{heap};
  std::pmr::vector<std::pmr::string> words(100, "a string too long to be kept inside of itself", &resource);
  std::vector<int, basalt::heap_allocator<int>> numbers(100, 1, basalt::heap_allocator<int>{heap});
  const bool well = heap.owns(words.data()) && heap.owns(words[99].data()) && heap.owns(numbers.data()) &&
                    !heap.owns(&words) && heap.allocate(2 << 20) == nullptr;
  std::puts(well ? "apart" : "NOT apart");
  return well ? 0 : 1;
}
