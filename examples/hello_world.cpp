// Every allocation of this program is Basalt's, because CMake links basalt::basic-global. Nothing here says
// so.
#include <basalt/basalt.h>

#include <cstdio>
#include <string>
#include <vector>

int main() {
  std::vector<std::string> words;
  for (int i = 0; i < 1000; ++i) words.push_back("a string too long to be kept inside " + std::to_string(i));
  std::puts("It works!");

  basalt_heap_stats stats;
  basalt_stats(&stats);
  std::printf(
      "%s: %zu allocations, %zu bytes live, %zu bytes free in %zu blocks, %zu bytes from the system\n",
      basalt_name(), stats.allocations, stats.live_bytes, stats.free_bytes, stats.free_blocks,
      stats.grown_bytes - stats.given_back_bytes);
  return basalt_is_active() == 1 && basalt_validate() == nullptr ? 0 : 1;
}
