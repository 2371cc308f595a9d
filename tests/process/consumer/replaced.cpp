// A program in C++ likewise.
#include <basalt/basalt.h>

#include <cstdint>
#include <cstdio>
#include <new>
#include <string>
#include <vector>

extern "C" void* inner_allocate(std::size_t);

int main() {
  std::vector<std::string> words(100, std::string(100, 'w'));
  bool well = basalt_is_active() == 1 && basalt_owns(words.data()) == 1;
  const volatile std::size_t too_much = SIZE_MAX / 2 - 100;
  try {
    ::operator delete(::operator new(too_much));
    well = false;
  } catch (const std::bad_alloc&) {
  }
  void* const theirs = inner_allocate(10);
  well = well && basalt_owns(theirs) == 1;
  basalt_free(theirs);
  std::puts(well ? "replaced" : "NOT replaced");
  return well ? 0 : 1;
}
