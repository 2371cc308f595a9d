// Row 16: loading a library whose constructor makes a thread that allocates, and waits for it.
// runs: preload global
#include "support/process.hpp"

int main() {
  process::must_be_ours();
  void* const library = dlopen(process::plugin("thread_in_constructor"), RTLD_NOW);
  CHECK(library != nullptr);
  const auto* const made = static_cast<void**>(dlsym(library, "made_by_thread"));
  CHECK(made != nullptr && *made != nullptr);
  std::free(*made);
}
