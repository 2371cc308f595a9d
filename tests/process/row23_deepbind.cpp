// Row 23: a library that was loaded with RTLD_DEEPBIND has libc's allocator, not ours. What it allocates and frees itself is
// none of our business; what it hands over to be freed here is foreign, and neither a fault nor the end of the program.
// What it frees with libc's allocator though it is ours, what strdup gave it for one, ends the program there: no allocator that
// is preloaded can help that.
// runs: preload
#include <malloc.h>

#include "support/process.hpp"

namespace {

struct Library {
  void* (*take)(std::size_t);
  void (*give)(void*);
};

[[nodiscard]] Library load() {
  void* const library = ::dlopen(process::plugin("deepbound"), RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
  if (library == nullptr) process::skip(::dlerror());
  return {reinterpret_cast<void* (*)(std::size_t)>(::dlsym(library, "deepbound_take")),
          reinterpret_cast<void (*)(void*)>(::dlsym(library, "deepbound_give"))};
}

// Returns: how often `sentence` is in `words`.
[[nodiscard]] int count(const char* words, const char* sentence) {
  int times = 0;
  for (const char* at = words; (at = std::strstr(at, sentence)) != nullptr; ++at) ++times;
  return times;
}

void what_is_handed_over_is_left_alone(const Library& library) {
  for (int i = 0; i < 3; ++i) {
    auto* const text = static_cast<char*>(library.take(100));
    std::strcpy(text, "not ours");
    CHECK(::malloc_usable_size(process::opaque(text)) == 0);
    errno = 1234;
    CHECK(std::realloc(process::opaque(text), 100) == nullptr && errno == ENOMEM);
    errno = 1234;
    std::free(process::opaque(text));
    CHECK(errno == 1234 && std::strcmp(text, "not ours") == 0);
  }
  process::churn(23, process::times(500), 100'000);
  process::heap_must_be_valid();
}

}  // namespace

int main() {
  process::must_be_ours();
  CHECK(::setenv("BASALT_FOREIGN", "leak", 1) == 0);  // which the hardened library is to be told
  const Library library = load();
  library.give(library.take(100));
  const process::Outcome outcome = process::outcome_of([&] { what_is_handed_over_is_left_alone(library); });
  std::fputs(outcome.words, stderr);
  CHECK(process::succeeded(outcome.status));
  CHECK(count(outcome.words, "basalt: ") == 1);  // it is said once
}
