#include <pthread.h>

#include <cstdlib>

extern "C" {
void* made_by_thread;
}

namespace {

void* allocate(void*) {
  made_by_thread = std::malloc(1000);
  return nullptr;
}

[[gnu::constructor]] void run() {
  pthread_t thread;
  if (pthread_create(&thread, nullptr, allocate, nullptr) == 0) pthread_join(thread, nullptr);
}

}  // namespace
