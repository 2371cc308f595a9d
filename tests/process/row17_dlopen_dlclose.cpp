// Row 17: load us, allocate on a thread, unload us, end the thread; a thousand times over nothing must pile up.
// runs: alone
#include <pthread.h>

#include "support/process.hpp"

namespace {

void* load_and_use(void* path) {
  void* const ours = dlopen(static_cast<const char*>(path), RTLD_NOW | RTLD_LOCAL);
  CHECK(ours != nullptr);
  const auto allocate = reinterpret_cast<void* (*)(std::size_t)>(dlsym(ours, "basalt_malloc"));
  const auto release = reinterpret_cast<void (*)(void*)>(dlsym(ours, "basalt_free"));
  void* const block = allocate(1000);
  CHECK(block != nullptr);
  release(block);
  CHECK(dlclose(ours) == 0);
  return nullptr;
}

int mappings() {
  std::FILE* const file = std::fopen("/proc/self/maps", "re");
  CHECK(file != nullptr);
  int lines = 0;
  for (int c = 0; (c = std::fgetc(file)) != EOF;) lines += c == '\n' ? 1 : 0;
  std::fclose(file);
  return lines;
}

void run(int times, char* path) {
  for (int i = 0; i < times; ++i) {
    pthread_t thread;
    CHECK(pthread_create(&thread, nullptr, load_and_use, path) == 0);
    CHECK(pthread_join(thread, nullptr) == 0);
  }
}

}  // namespace

int main() {
  char* const path = std::getenv("BASALT_PRELOAD");
  CHECK(path != nullptr);
  CHECK(::setenv("BASALT_GUARD", "off", 1) ==
        0);  // its slots are mapped when chance has the first request guarded
  run(10, path);
  const int before = mappings();
  const int loads = process::times(1000);
  run(loads, path);
  CHECK(mappings() <= before + 2);
  process::figure(loads, "times loaded, used and unloaded");
}
