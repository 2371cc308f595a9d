// A library that hooks what an allocator might call, as tracers and fakeroots do: each hook allocates before it looks
// for the function that it stands in for. An allocator that called one of these from within would never come back.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>

namespace {

template <class Function>
[[nodiscard]] Function* next(const char* name) {
  std::free(std::calloc(3, 100));
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

int calls_of_hooks = 0;

void* mmap(void* at, size_t size, int protection, int flags, int file, off_t offset) noexcept {
  ++calls_of_hooks;
  return next<void*(void*, size_t, int, int, int, off_t)>("mmap")(at, size, protection, flags, file, offset);
}

int munmap(void* at, size_t size) noexcept {
  ++calls_of_hooks;
  return next<int(void*, size_t)>("munmap")(at, size);
}

int madvise(void* at, size_t size, int advice) noexcept {
  ++calls_of_hooks;
  return next<int(void*, size_t, int)>("madvise")(at, size, advice);
}

char* getenv(const char* name) noexcept {
  ++calls_of_hooks;
  return next<char*(const char*)>("getenv")(name);
}

char* secure_getenv(const char* name) noexcept {
  ++calls_of_hooks;
  return next<char*(const char*)>("secure_getenv")(name);
}

int open(const char* path, int flags, ...) {
  ++calls_of_hooks;
  return next<int(const char*, int, ...)>("open")(path, flags, 0600);
}

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  ++calls_of_hooks;
  return next<int(clockid_t, timespec*)>("clock_gettime")(clock, time);
}

long sysconf(int name) noexcept {
  ++calls_of_hooks;
  return next<long(int)>("sysconf")(name);
}
}
