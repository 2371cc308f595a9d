// Row 25: a pointer that is not ours is recognised without being followed: at the start of a mapping with nothing
// below, on the stack, in .data, unmapped, not even an address. What happens then is a matter of policy.
// runs: preload global static
#include <malloc.h>
#include <sys/mman.h>

#include "support/process.hpp"

namespace {

int in_data = 1;

constexpr const char* reported = "was not allocated here";

struct Foreign {
  const char* name;
  void* pointer;
};

Foreign foreign[8];
int count = 0;

void note(const char* name, void* pointer) { foreign[count++] = {name, pointer}; }

void collect(int* on_stack) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  auto* const pages = static_cast<char*>(
      ::mmap(nullptr, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  CHECK(pages != MAP_FAILED);
  CHECK(::mprotect(pages, page, PROT_NONE) == 0);
  CHECK(::munmap(pages + 2 * page, page) == 0);
  note("at the start of a mapping", pages + page);
  note("in a mapping", pages + page + 64);
  note("in memory that cannot be read", pages + 64);
  note("unmapped", pages + 2 * page + 64);
  note("on the stack", on_stack);
  note("in .data", &in_data);
  note("not canonical", reinterpret_cast<void*>(std::uintptr_t{0xdead'beef'dead'bee0}));
  note("next to nothing", reinterpret_cast<void*>(std::uintptr_t{16}));
}

void leaking(const Foreign& each) {
  errno = 1234;
  std::free(each.pointer);
  CHECK(errno == 1234);
  CHECK(malloc_usable_size(each.pointer) == 0);
  CHECK(errno == 1234);
  CHECK(std::realloc(each.pointer, 100) == nullptr);
  CHECK(errno == ENOMEM);
  std::free(process::opaque(std::malloc(100)));
}

void expect_leaked_and_reported_once() {
  const process::Outcome outcome = process::outcome_of([] {
    for (int i = 0; i < count; ++i) leaking(foreign[i]);
  });
  CHECK(process::succeeded(outcome.status));
  const char* const first = std::strstr(outcome.words, reported);
  CHECK(first != nullptr && std::strncmp(outcome.words, "basalt: invalid pointer in free: 0x", 35) == 0);
  CHECK(std::strstr(first + 1, reported) == nullptr);
  CHECK(outcome.says("BASALT_FOREIGN=abort stops here"));
}

void expect_abort(const char* sentence, void (*crime)(void*)) {
  for (int i = 0; i < count; ++i) {
    const process::Outcome outcome = process::outcome_of([&] { crime(process::opaque(foreign[i].pointer)); });
    CHECK(outcome.aborted() && outcome.says(sentence) && outcome.says(reported));
  }
}

void expect_aborts() {
  expect_abort("basalt: invalid pointer in free: 0x", [](void* p) { std::free(p); });
  expect_abort("basalt: invalid pointer in realloc: 0x",
               [](void* p) { (void)process::opaque(std::realloc(p, 8)); });
  const process::Outcome outcome =
      process::outcome_of([] { CHECK(malloc_usable_size(process::opaque(foreign[0].pointer)) == 0); });
  CHECK(process::succeeded(outcome.status));
}

}  // namespace

int main() {
  process::must_be_ours();
  int on_stack = 0;
  collect(&on_stack);
  const char* const library = std::getenv("LD_PRELOAD");
  const bool leaks = library != nullptr && std::strstr(library, "hardened") == nullptr;
  CHECK(::unsetenv("BASALT_FOREIGN") == 0);
  leaks ? expect_leaked_and_reported_once() : expect_aborts();
  CHECK(::setenv("BASALT_FOREIGN", "leak", 1) == 0);
  expect_leaked_and_reported_once();
  CHECK(::setenv("BASALT_FOREIGN", "abort", 1) == 0);
  expect_aborts();
  CHECK(::setenv("BASALT_FOREIGN", "nonsense", 1) == 0);
  leaks ? expect_leaked_and_reported_once() : expect_aborts();
}
