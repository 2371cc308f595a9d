// Row 24: a program that brings an allocator of its own. Its functions come before those of a preloaded library, for libc too;
// operator new and delete, which it does not bring, are ours: the two must not mix. basalt_is_active says who is in use.
// runs: preload
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "support/process.hpp"

// The allocator: a stack of memory from which nothing is ever taken back. What lies before a block is its size.
namespace {

constexpr std::size_t arena_bytes = 64 << 20;
alignas(4096) unsigned char arena[arena_bytes];
std::atomic<std::size_t> used{0};

void* take(std::size_t size, std::size_t alignment) {
  const std::size_t whole = (size + 15) / 16 * 16 + 16 + alignment;
  const std::size_t begin = used.fetch_add(whole);
  if (begin + whole > arena_bytes) return nullptr;
  const auto low = reinterpret_cast<std::uintptr_t>(arena) + begin + 16;
  auto* const block = reinterpret_cast<std::size_t*>((low + alignment - 1) / alignment * alignment);
  block[-1] = size;
  return block;
}

[[nodiscard]] bool is_own(const void* p) { return p >= arena && p < arena + arena_bytes; }

}  // namespace

extern "C" {
void* malloc(std::size_t size) { return take(size, 16); }
void* calloc(std::size_t count, std::size_t size) { return take(count * size, 16); }
void* memalign(std::size_t alignment, std::size_t size) {
  return take(size, alignment < 16 ? 16 : alignment);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) { return memalign(alignment, size); }
int posix_memalign(void** out, std::size_t alignment, std::size_t size) {
  *out = memalign(alignment, size);
  return *out == nullptr ? ENOMEM : 0;
}
std::size_t malloc_usable_size(void* p) { return p == nullptr ? 0 : static_cast<std::size_t*>(p)[-1]; }
void free(void* p) { CHECK(p == nullptr || is_own(p)); }
void* realloc(void* p, std::size_t size) {
  CHECK(p == nullptr || is_own(p));
  void* const more = take(size, 16);
  if (p != nullptr && more != nullptr) std::memcpy(more, p, std::min(size, malloc_usable_size(p)));
  return more;
}
}

namespace {

void work() {
  std::vector<std::string> words;
  for (int i = 0; i < 1000; ++i) words.push_back(std::string(static_cast<std::size_t>(i % 100), 'x'));
  char* const text = ::strdup("from libc");
  CHECK(is_own(text) && !is_own(words.back().data()) && !is_own(words.data()));
  std::free(text);
  char* line = nullptr;
  CHECK(::asprintf(&line, "%s of %d", "formatted", 24) > 0 && is_own(line));
  std::free(line);
}

}  // namespace

int main() {
  CHECK(basalt_is_active != nullptr && basalt_is_active() == 0);
  const process::Outcome outcome = process::outcome_of([] {
    work();
    std::thread other{work};
    other.join();
  });
  std::fputs(outcome.words, stderr);
  CHECK(process::succeeded(outcome.status) && outcome.words[0] == '\0');
}
