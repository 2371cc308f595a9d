#include "thread_exit.hpp"

#include <pthread.h>

#include "../base/published.hpp"
#include "start.hpp"

namespace basalt {

namespace {

// 0: no key yet; otherwise the key, plus one.
constinit Published<unsigned> key_plus_one;

// Two threads may both make a key here; the second finds the first one's in place, and gives its own back.
[[nodiscard]] bool have_key(void (*farewell)(void*), pthread_key_t& key) noexcept {
  unsigned known = key_plus_one.get();
  if (known == 0) {
    if (pthread_key_create(&key, farewell) != 0) return false;
    known = key_plus_one.offer(key + 1);
    if (known != key + 1) pthread_key_delete(key);
  }
  key = known - 1;
  return true;
}

}  // namespace

bool at_thread_exit(void (*farewell)(void*), void* argument) noexcept {
  pthread_key_t key = 0;
  return libc_up() && have_key(farewell, key) && pthread_setspecific(key, argument) == 0;
}

}  // namespace basalt
