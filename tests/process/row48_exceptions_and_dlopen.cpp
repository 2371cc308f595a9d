// Row 48: the unwinder takes the dynamic linker's lock, and the dynamic linker allocates while it holds it. Threads throw,
// load and unload while many requests have their stacks taken down (every tenth is guarded): nobody waits for ever.
// runs: preload global
#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>

#include "support/process.hpp"

extern "C" int basalt_option_set(const char* name, const char* value) __attribute__((weak));

namespace {

constexpr int throwers = 2;

void load_throw_unload(int rounds) {
  for (int i = 0; i < rounds; ++i) {
    void* const library = dlopen(process::plugin("thrower"), RTLD_NOW | RTLD_LOCAL);
    CHECK(library != nullptr);
    const auto raise = reinterpret_cast<void (*)(unsigned long)>(dlsym(library, "throw_from_plugin"));
    bool caught = false;
    try {
      raise(static_cast<unsigned long>(i % 1000));
    } catch (const std::runtime_error& error) {
      caught = std::strlen(error.what()) == static_cast<std::size_t>(i % 1000);
    }
    CHECK(caught);
    CHECK(dlclose(library) == 0);
  }
}

void throw_always(const std::atomic<bool>& stop) {
  process::Random random{48};
  while (!stop.load()) {
    const std::size_t size = random.below(5000);
    try {
      throw std::runtime_error{std::string(size, 'y')};
    } catch (const std::runtime_error& error) {
      CHECK(std::strlen(error.what()) == size);
    }
  }
}

void all_at_once() {
  std::atomic<bool> stop{false};
  std::thread pool[throwers];
  for (std::thread& thread : pool) thread = std::thread{[&] { throw_always(stop); }};
  std::thread other{[] { load_throw_unload(process::times(100)); }};
  load_throw_unload(process::times(100));
  other.join();
  stop = true;
  for (std::thread& thread : pool) thread.join();
  process::heap_must_be_valid();
}

}  // namespace

int main() {
  process::must_be_ours();
  const bool samples = std::strcmp(basalt_name(), "basalt") == 0;  // the small kitchen guards nothing
  if (samples) CHECK(basalt_option_set("guard", "10:1000") == 0);
  process::in_child(20, all_at_once);
}
