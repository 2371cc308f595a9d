// A library that, loaded with RTLD_DEEPBIND, has libc's allocator instead of the one that was preloaded.
#include <cstdlib>

extern "C" {
void* deepbound_take(std::size_t size) { return std::malloc(size); }
void deepbound_give(void* block) { std::free(block); }
}
