// Row 39: the functions that ask about the heap and tend it answer with figures that make sense.
// runs: preload global static
#include <malloc.h>
#include <sys/mman.h>

#include "support/process.hpp"

extern "C" struct mallinfo __libc_mallinfo(void);
extern "C" int __libc_mallopt(int, int);

namespace {

void figures() {
  const struct mallinfo2 before = mallinfo2();
  void* const p = std::malloc(10 << 20);
  CHECK(p != nullptr);
  const struct mallinfo2 with = mallinfo2();
  CHECK(with.uordblks >= before.uordblks + (10u << 20));
  CHECK(with.arena == with.uordblks + with.fordblks);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  const struct mallinfo narrow = mallinfo();
  CHECK(narrow.uordblks >= 10 << 20 && narrow.uordblks == __libc_mallinfo().uordblks);
#pragma GCC diagnostic pop
  std::free(p);
  CHECK(mallinfo2().uordblks == before.uordblks);
}

void trim() {
  malloc_trim(0);
  constexpr std::size_t size = 900 << 10;  // too little to go back by itself
  void* const p = std::malloc(size);
  std::memset(p, 1, size);
  std::free(p);
  unsigned char present = 0;
  auto* const middle =
      reinterpret_cast<void*>((reinterpret_cast<std::uintptr_t>(p) + size / 2) & ~std::uintptr_t{65535});
  // The hardened library takes the pages of a large block at once.
  const bool hardened = process::is_hardened();
  CHECK(hardened || (::mincore(middle, 1, &present) == 0 && (present & 1) == 1));
  CHECK(hardened || malloc_trim(0) == 1);
  malloc_trim(0);
  const int known = ::mincore(middle, 1, &present);
  CHECK(known == 0 ? (present & 1) == 0 : errno == ENOMEM);  // gone, with their addresses or without
  CHECK(malloc_trim(0) == 0);
}

void xml() {
  char* text = nullptr;
  std::size_t size = 0;
  std::FILE* const stream = open_memstream(&text, &size);
  CHECK(malloc_info(1, stream) == EINVAL);
  CHECK(malloc_info(0, stream) == 0);
  std::fclose(stream);
  CHECK(std::strncmp(text, "<malloc version=\"", 17) == 0);
  CHECK(std::strstr(text, "</malloc>\n") != nullptr);
  const char* const to = std::getenv("BASALT_XML");  // a test that knows XML reads it
  if (to != nullptr) {
    std::FILE* const file = std::fopen(to, "we");
    CHECK(file != nullptr && std::fwrite(text, 1, size, file) == size);
    std::fclose(file);
  }
  std::free(text);
}

}  // namespace

int main() {
  process::must_be_ours();
  figures();
  trim();
  xml();
  CHECK(mallopt(M_ARENA_MAX, 1) == 1 && __libc_mallopt(M_TRIM_THRESHOLD, 0) == 1);
  const process::Outcome outcome = process::outcome_of([] { malloc_stats(); });
  CHECK(process::succeeded(outcome.status));
  CHECK(outcome.says("basalt") && outcome.says(" bytes live, ") && outcome.says(" bytes from the system\n"));
  process::heap_must_be_valid();
}
