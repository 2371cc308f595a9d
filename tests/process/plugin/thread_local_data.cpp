// A library with thread-local data: each thread gets its copy at first touch, through __tls_get_addr.
#include <cstdlib>

namespace {

thread_local int touched[64];

}  // namespace

extern "C" int touch_thread_local() { return ++touched[7]; }

extern "C" void* allocate_in_plugin(unsigned long size) { return std::malloc(size); }
