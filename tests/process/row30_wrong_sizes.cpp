// Row 30: small blocks at large alignments through every sized form; a wrong size is noticed and corrupts nothing.
// runs: preload global static
#include <new>

#include "support/process.hpp"

extern "C" void free_sized(void*, size_t) __attribute__((weak));
extern "C" void free_aligned_sized(void*, size_t, size_t) __attribute__((weak));

namespace {

struct Base {
  long a = 1;
};
struct Derived : Base {
  long more[20] = {};
};

}  // namespace

int main() {
  process::must_be_ours();
  for (std::size_t alignment = 8; alignment <= 16384; alignment *= 2) {
    for (const std::size_t size : {std::size_t{1}, std::size_t{8}, std::size_t{24}, alignment}) {
      free_aligned_sized(std::aligned_alloc(alignment, size), alignment, size);
      void* const p = ::operator new (size, std::align_val_t{alignment});
      ::operator delete (p, size, std::align_val_t{alignment});
      free_sized(std::malloc(size), size);
    }
  }
  process::heap_must_be_valid();
  for (const std::size_t wrong : {std::size_t{1}, std::size_t{200}, SIZE_MAX}) {
    const process::Outcome outcome =
        process::outcome_of([=] { free_sized(process::opaque(std::malloc(100)), wrong); });
    CHECK(outcome.aborted() && outcome.says("basalt: invalid size in free_sized: 0x"));
  }
  const process::Outcome outcome = process::outcome_of([] {
    Base* const slice = new Derived;
    delete process::opaque(slice);  // there is no virtual destructor
  });
  CHECK(outcome.aborted() && outcome.says("cannot have been asked for with 8"));
}
