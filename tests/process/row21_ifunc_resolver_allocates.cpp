// Row 21: the resolver of an indirect function runs before the objects of the process are relocated, before libc has
// chosen its memcpy and, in a static program, before there is an errno. It may allocate all the same.
// runs: preload global static
// engine runs: preload global
//
// The engine has a word of thread-local storage: without it, it can do nothing: in a static program, as glibc's own malloc,
// before there is any, and in a library that is not relocated yet, and so does not know where that word is.
#include <basalt/basalt.h>

#include "support/process.hpp"

namespace {

void* made[4];
bool well = false;

int answer() { return 42; }

}  // namespace

extern "C" {

// Whatever else is called here need not work yet: so by hand, and with no checks but in a flag.
int (*resolve_answer())() {
  made[0] = std::malloc(100);
  made[1] = std::calloc(1000, 10);
  made[2] = std::realloc(std::malloc(10), 5000);
  made[3] = std::aligned_alloc(4096, 100);
  std::free(std::malloc(1 << 20));
  std::size_t volatile too_much = SIZE_MAX / 2 + 1;
  well = std::malloc(too_much) == nullptr;
  for (void* block : made) well = well && block != nullptr;
  return answer;
}

int indirect_answer() __attribute__((ifunc("resolve_answer")));
}

int main(int argc, char** argv) {
  process::must_be_ours();
  CHECK(indirect_answer() == 42);
  CHECK(well);
  for (int i = 0; i < 10000; ++i) CHECK(static_cast<char*>(made[1])[i] == 0);
  for (void* block : made) std::free(block);
  process::heap_must_be_valid();

  // When the library with another resolver is there, it has been relocated before ours.
  const char* const preloaded = std::getenv("LD_PRELOAD");
  if (preloaded == nullptr || std::strcmp(basalt_name(), "basalt-basic") != 0) return 0;
  if (argc == 2) {
    const auto answer = reinterpret_cast<int (*)()>(dlsym(RTLD_DEFAULT, "plugin_answer"));
    CHECK(answer != nullptr && answer() == 42);
    return 0;
  }
  char both[4096];
  std::snprintf(both, sizeof both, "%s:%s", preloaded, process::plugin("indirect_function"));
  CHECK(::setenv("LD_PRELOAD", both, 1) == 0);
  ::execl(process::own_path(), argv[0], "with the library", nullptr);
  CHECK(false);
}
