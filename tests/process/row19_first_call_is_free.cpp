// Row 19: the first calls of all free NULL, and a pointer into the dynamic linker's own little heap.
// runs: preload global
#include <link.h>
#include <sys/auxv.h>

#include "support/process.hpp"

namespace {

// Where the dynamic linker's data ends, its own allocator begins: until the program's is there, it serves itself.
void* from_dynamic_linker() {
  const auto base = getauxval(AT_BASE);
  if (base == 0) process::skip("there is no dynamic linker in this process");
  const auto* const header = reinterpret_cast<const ElfW(Ehdr)*>(base);
  const auto* const segments = reinterpret_cast<const ElfW(Phdr)*>(base + header->e_phoff);
  std::uintptr_t end = 0;
  for (int i = 0; i < header->e_phnum; ++i) {
    if (segments[i].p_type == PT_LOAD) end = base + segments[i].p_vaddr + segments[i].p_memsz;
  }
  return reinterpret_cast<void*>((end + 15) & ~std::uintptr_t{15});
}

}  // namespace

int main() {
  const process::Outcome outcome = process::outcome_of([] {
    std::free(process::opaque<void*>(nullptr));
    errno = 1234;
    std::free(process::opaque(from_dynamic_linker()));
    CHECK(errno == 1234);
  });
  CHECK(process::succeeded(outcome.status));
  CHECK(outcome.words[0] == '\0');
  process::must_be_ours();

  // Programs start with whatever the tunables of glibc say about its own allocator.
  char name[] = "true";
  char* arguments[] = {name, nullptr};
  char tunables[] = "GLIBC_TUNABLES=glibc.malloc.check=3:glibc.malloc.perturb=85:glibc.malloc.arena_max=1";
  char preload[4096];
  std::snprintf(preload, sizeof preload, "LD_PRELOAD=%s", std::getenv("BASALT_PRELOAD"));
  char* variables[] = {tunables, preload, nullptr};
  pid_t child = 0;
  CHECK(posix_spawn(&child, "/bin/true", nullptr, nullptr, arguments, variables) == 0);
  CHECK(process::succeeded(process::wait_for(child, 10)));
}
