// A library whose indirect function is resolved by code that allocates: preloaded after ours, it is relocated before
// ours, and finds an allocator that cannot call libc yet.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace {

bool well = false;

int good_answer() { return well ? 42 : 0; }

}  // namespace

extern "C" {

// Named by the attribute below alone: Clang takes only a name that the linker sees too.
[[gnu::visibility("hidden")]] int (*resolve_answer())() {
  auto* const zeros = static_cast<unsigned char*>(std::calloc(1000, 10));
  void* const longer = std::realloc(std::malloc(10), 5000);
  void* const aligned = std::aligned_alloc(4096, 100);
  std::free(std::malloc(1 << 20));
  std::size_t volatile too_much = SIZE_MAX / 2 + 1;
  well = zeros != nullptr && longer != nullptr && aligned != nullptr && std::malloc(too_much) == nullptr;
  for (int i = 0; well && i < 10000; ++i) well = zeros[i] == 0;
  std::free(zeros);
  std::free(longer);
  std::free(aligned);
  return good_answer;
}

// Seen by nobody else, so it is resolved as the last thing when this library is relocated: the resolver finds the
// way to malloc, but malloc finds no way to libc.
static int indirect_answer() __attribute__((ifunc("resolve_answer")));

int plugin_answer() { return indirect_answer(); }
}
