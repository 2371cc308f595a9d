// A heap as an object: the memory of one document, counted, limited, and gone in one go.
#include <basalt/heap.hpp>

#include <cstdio>
#include <string>
#include <vector>

int main() {
  basalt::heap document{"document", 4 << 20};  // at most 4 MiB
  basalt::heap_resource resource{document};
  using Lines = std::pmr::vector<std::pmr::string>;
  auto& lines = *new (document.allocate(sizeof(Lines))) Lines{&resource};
  try {
    for (;;) lines.emplace_back("a line of the document that is too long to be kept inside of itself");
  } catch (const std::bad_alloc&) {
    const basalt_heap_figures figures = document.figures();
    std::printf("%s: full after %zu lines, %zu bytes of %zu\n", figures.name, lines.size(),
                figures.mapped_bytes, figures.limit);
  }
  std::vector<int, basalt::heap_allocator<int>> marks{basalt::heap_allocator<int>{document}};
  document.limit(0);
  marks.assign(1000, 1);
  std::printf("without the limit: %zu marks as well\n", marks.size());
  marks = std::vector<int, basalt::heap_allocator<int>>{marks.get_allocator()};
  return document.owns(&lines) ? 0
                               : 1;  // and here the heap ends, with every line: none is destroyed one by one
}
