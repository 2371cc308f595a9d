// Row 20: the first constructor of the first object allocates much; globals are made with new. Nothing of ours needs
// to have run before.
// runs: preload global static
#include <string>
#include <vector>

#include "support/process.hpp"

namespace {

void* early[100];

[[gnu::constructor(101)]] void very_early() {
  for (std::size_t i = 0; i < 100; ++i) {
    early[i] = std::malloc(i * 1000);
    CHECK(early[i] != nullptr);
    std::memset(early[i], static_cast<int>(i), i * 1000);
  }
}

std::vector<std::string> global = {100, std::string(1000, 'x')};

struct Last {
  ~Last() {  // after main, and after the destructors of all globals in this file
    for (void* block : early) std::free(block);
    process::heap_must_be_valid();
  }
};

[[gnu::destructor(101)]] void very_late() { std::free(process::opaque(std::malloc(100000))); }

}  // namespace

int main() {
  process::must_be_ours();
  CHECK(global.size() == 100 && global[99].size() == 1000);
  for (std::size_t i = 1; i < 100; ++i) CHECK(static_cast<unsigned char*>(early[i])[i * 1000 - 1] == i);
  static Last last;
}
