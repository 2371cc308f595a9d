// A program for gdb_test.py to look into: blocks of every kind, and a place to stop at when they are made.
//
// runs: none
// engine runs: global
// hardened runs: none (it has no profile)
#include <malloc.h>
#include <pthread.h>

#include <basalt/basalt.h>

#include "support/process.hpp"

extern "C" {

char* the_live;
char* the_freed;
char* the_large;
char* the_huge;
char* the_of_object;
char* the_sampled;
char* the_guarded;
char* the_given_back;  // by another thread, while this one has its span
int local;

// At -O1 the compiler would leave out a call that has no effect.
[[gnu::noinline]] void stop_here() { __asm__ volatile("" ::: "memory"); }

[[gnu::noinline]] char* make_sampled() {
  auto* const block = static_cast<char*>(std::malloc(77));
  return static_cast<char*>(process::opaque(block));
}
}

namespace {

char* made(std::size_t size) { return static_cast<char*>(process::opaque(std::malloc(size))); }

void give_back_elsewhere() {
  pthread_t thread;
  const auto run = [](void* block) -> void* {
    std::free(block);
    return nullptr;
  };
  CHECK(pthread_create(&thread, nullptr, run, the_given_back) == 0);
  CHECK(pthread_join(thread, nullptr) == 0);
}

}  // namespace

int main() {
  process::must_be_ours();
  the_live = made(100);
  the_freed = made(100);
  the_large = made(100'000);
  the_huge = made(5'000'000);
  the_of_object = static_cast<char*>(basalt_heap_malloc(basalt_heap_create(nullptr), 300));
  the_given_back = made(2000);
  give_back_elsewhere();
  CHECK(basalt_profile_start(1) == 0);
  the_sampled = make_sampled();
  basalt_profile_stop();
  CHECK(basalt_option_set("guard", "1:4") == 0);
  std::free(made(30'000));
  the_guarded = made(55);
  CHECK(malloc_usable_size(the_guarded) == 55);
  CHECK(basalt_option_set("guard", "off") == 0);
  std::free(the_freed);
  stop_here();
}
