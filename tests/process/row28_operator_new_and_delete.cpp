// Row 28: each of the eight forms of operator new and the twelve of operator delete is ours.
// runs: preload global static
#include <basalt/basalt.h>
#include <malloc.h>

#include <new>

#include "support/process.hpp"

extern "C" void basalt_stats(struct basalt_heap_stats*) __attribute__((weak));
extern "C" int basalt_owns(const void*) __attribute__((weak));

namespace {

constexpr std::align_val_t wide{256};
constexpr std::size_t size = 1000;

std::size_t live() {
  malloc_trim(0);  // what the hardened library has in quarantine counts as live
  basalt_heap_stats stats;
  basalt_stats(&stats);
  return stats.live_bytes;
}

void* ours(void* p, std::size_t alignment = 16) {
  CHECK(p != nullptr && basalt_owns(p) == 1);
  CHECK(reinterpret_cast<std::uintptr_t>(p) % alignment == 0);
  std::memset(p, 1, size);
  return p;
}

template <class Delete>
void counted(Delete&& release) {
  const std::size_t before = live();
  release();
  CHECK(live() <= before - size);
}

}  // namespace

int main() {
  process::must_be_ours();
  void* p = ours(::operator new(size));
  counted([=] { ::operator delete(p); });
  void* q = ours(::operator new(size));
  counted([=] { ::operator delete(q, size); });
  void* r = ours(::operator new(size, std::nothrow));
  counted([=] { ::operator delete(r, std::nothrow); });
  void* s = ours(::operator new(size, wide), 256);
  counted([=] { ::operator delete(s, wide); });
  void* t = ours(::operator new(size, wide), 256);
  counted([=] { ::operator delete(t, size, wide); });
  void* u = ours(::operator new(size, wide, std::nothrow), 256);
  counted([=] { ::operator delete(u, wide, std::nothrow); });

  void* pa = ours(::operator new[](size));
  counted([=] { ::operator delete[](pa); });
  void* qa = ours(::operator new[](size));
  counted([=] { ::operator delete[](qa, size); });
  void* ra = ours(::operator new[](size, std::nothrow));
  counted([=] { ::operator delete[](ra, std::nothrow); });
  void* sa = ours(::operator new[](size, wide), 256);
  counted([=] { ::operator delete[](sa, wide); });
  void* ta = ours(::operator new[](size, wide), 256);
  counted([=] { ::operator delete[](ta, size, wide); });
  void* ua = ours(::operator new[](size, wide, std::nothrow), 256);
  counted([=] { ::operator delete[](ua, wide, std::nothrow); });
  process::heap_must_be_valid();
}
