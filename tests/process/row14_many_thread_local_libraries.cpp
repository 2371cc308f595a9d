// Row 14: after forty libraries with thread-local data there is little static room left for it. Ours needs none.
// runs: alone
#include <fcntl.h>

#include "support/process.hpp"

namespace {

void copy_file(const char* from, const char* to) {
  const int source = ::open(from, O_RDONLY | O_CLOEXEC);
  const int target = ::open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
  CHECK(source >= 0 && target >= 0);
  static char buffer[1 << 16];
  for (ssize_t got = 0; (got = ::read(source, buffer, sizeof buffer)) > 0;) {
    CHECK(::write(target, buffer, static_cast<std::size_t>(got)) == got);
  }
  ::close(source);
  ::close(target);
}

}  // namespace

int main() {
  char directory[] = "/tmp/basalt-row14-XXXXXX";
  CHECK(mkdtemp(directory) != nullptr);
  const char* const preloaded = std::getenv("BASALT_PRELOAD");
  CHECK(preloaded != nullptr);
  char path[256];
  for (int i = 0; i < 40; ++i) {
    std::snprintf(path, sizeof path, "%s/copy%d.so", directory, i);
    copy_file(process::plugin("thread_local_data"), path);
    void* const library = dlopen(path, RTLD_NOW);
    CHECK(library != nullptr);
    CHECK(::unlink(path) == 0);
    const auto touch = reinterpret_cast<int (*)()>(dlsym(library, "touch_thread_local"));
    CHECK(touch() == 1);
  }
  CHECK(::rmdir(directory) == 0);
  void* const ours = dlopen(preloaded, RTLD_NOW | RTLD_LOCAL);
  if (ours == nullptr) std::fprintf(stderr, "%s\n", dlerror());
  CHECK(ours != nullptr);
  // Loaded that late it does not replace malloc, but its own names work.
  const auto allocate = reinterpret_cast<void* (*)(std::size_t)>(dlsym(ours, "basalt_malloc"));
  const auto release = reinterpret_cast<void (*)(void*)>(dlsym(ours, "basalt_free"));
  void* const block = allocate(100);
  CHECK(block != nullptr);
  std::memset(block, 1, 100);
  release(block);
}
