// Row 22: a program that replaces operator new and delete by malloc, free and malloc_usable_size.
// runs: preload global
#include <malloc.h>

#include <map>
#include <new>
#include <string>

#include "support/process.hpp"

namespace {

std::size_t live = 0;

}  // namespace

void* operator new(std::size_t size) {
  void* const p = std::malloc(size);
  if (p == nullptr) throw std::bad_alloc{};
  live += malloc_usable_size(p);
  return p;
}

void operator delete(void* p) noexcept {
  live -= malloc_usable_size(p);
  std::free(p);
}
void operator delete(void* p, std::size_t) noexcept { operator delete(p); }

int main() {
  process::must_be_ours();
  const std::size_t before = live;
  {
    std::map<int, std::string> words;
    for (int i = 0; i < 1000; ++i) words[i] = std::string(100, 'w');
    CHECK(live - before > 100000);
  }
  CHECK(live == before);
  process::heap_must_be_valid();
}
