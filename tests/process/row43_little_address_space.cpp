// Row 43: `ulimit -v`: programs run in little address space, and when it is used up the answer is NULL and ENOMEM; a
// new_handler that frees a reserve gets its memory.
// runs: preload global static
#include <fcntl.h>
#include <sys/resource.h>

#include <new>

#include "support/process.hpp"

namespace {

void limit_address_space(rlim_t bytes) {
  const rlimit limit{bytes, bytes};
  CHECK(::setrlimit(RLIMIT_AS, &limit) == 0);
}

void* reserve = nullptr;

void free_reserve() {
  ::operator delete(reserve);
  reserve = nullptr;
  std::set_new_handler(nullptr);
}

void use_it_up() {
  limit_address_space(256 << 20);
  reserve = ::operator new(64 << 20);
  void* blocks[1000];
  int count = 0;
  errno = 0;
  while (count < 1000 && (blocks[count] = std::malloc(8 << 20)) != nullptr) ++count;
  CHECK(count > 3 && count < 32 && errno == ENOMEM);
  CHECK(std::calloc(1, 32 << 20) == nullptr);
  CHECK(std::realloc(blocks[0], 32 << 20) == nullptr);
  static_cast<char*>(blocks[0])[(8 << 20) - 1] = 1;  // it is still there
  std::set_new_handler(free_reserve);
  void* const p = ::operator new(32 << 20);
  CHECK(p != nullptr && reserve == nullptr);
  ::operator delete(p);
  while (count > 0) std::free(blocks[--count]);
  process::churn(1, 100, 100000);
  process::heap_must_be_valid();
}

void run(const char* program, char* const* arguments, rlim_t bytes) {
  process::in_child(20, [&] {
    limit_address_space(bytes);
    ::execv(program, arguments);
  });
}

}  // namespace

int main() {
  process::must_be_ours();
  process::in_child(20, use_it_up);
  char echo[] = "echo";
  char words[] = "echo under 64 MiB";
  char* small[] = {echo, words, nullptr};
  run("/bin/echo", small, 64 << 20);
  if (::access("/usr/bin/gcc", X_OK) == 0) {
    char gcc[] = "gcc";
    char options[][16] = {"-x", "c", "-O2", "-fsyntax-only", "-"};
    char* large[] = {gcc, options[0], options[1], options[2], options[3], options[4], nullptr};
    const int empty = ::open("/dev/null", O_RDWR);  // ctest may have closed what is not needed
    CHECK(empty >= 0 && ::dup2(empty, 0) == 0);
    run("/usr/bin/gcc", large, 512 << 20);
  }
}
