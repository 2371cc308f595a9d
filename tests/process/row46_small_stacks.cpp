// Row 46: a thread with the smallest stack there is allocates; so does a signal handler's alternate stack's owner. How
// deep the slow path goes is measured by painting the stack.
// runs: preload global static
#include <limits.h>
#include <pthread.h>
#include <sys/mman.h>

#include "support/process.hpp"

namespace {

constexpr unsigned char paint = 0xa7;
constexpr std::size_t stack_size = 128 << 10;
constexpr std::size_t most = 4096;  // bytes of stack for the deepest path

void* allocate(void*) {
  process::churn(1, 20, 1 << 20);
  return nullptr;
}

// The slow paths in turn: growing, large alignment, moving, giving back.
void* slow_paths(void*) {
  void* p = std::malloc(3 << 20);
  p = std::realloc(p, 9 << 20);
  std::free(p);
  std::free(std::aligned_alloc(1 << 16, 1 << 16));
  std::free(std::calloc(100, 1000));
  return nullptr;
}

void* nothing(void*) { return nullptr; }

std::size_t depth_of(void* (*work)(void*)) {
  auto* const stack = static_cast<unsigned char*>(
      ::mmap(nullptr, stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  CHECK(stack != MAP_FAILED);
  std::memset(stack, paint, stack_size);
  pthread_attr_t attributes;
  CHECK(pthread_attr_init(&attributes) == 0);
  CHECK(pthread_attr_setstack(&attributes, stack, stack_size) == 0);
  pthread_t thread;
  CHECK(pthread_create(&thread, &attributes, work, nullptr) == 0);
  CHECK(pthread_join(thread, nullptr) == 0);
  std::size_t untouched = 0;
  while (stack[untouched] == paint) ++untouched;
  CHECK(::munmap(stack, stack_size) == 0);
  return stack_size - untouched;
}

}  // namespace

int main() {
  process::must_be_ours();
  pthread_attr_t attributes;
  CHECK(pthread_attr_init(&attributes) == 0);
  CHECK(pthread_attr_setstacksize(&attributes, static_cast<std::size_t>(PTHREAD_STACK_MIN)) == 0);
  for (int i = 0; i < 100; ++i) {
    pthread_t thread;
    CHECK(pthread_create(&thread, &attributes, allocate, nullptr) == 0);
    CHECK(pthread_join(thread, nullptr) == 0);
  }
  const std::size_t idle = depth_of(nothing);
  const std::size_t deep = depth_of(slow_paths);
  std::printf("the slow paths use %zu bytes of stack\n", deep - idle);
  CHECK(deep - idle < most);
  process::heap_must_be_valid();
}
