// A grower used directly: pages from the operating system, by raw system calls, and back again.
#include <basalt/growers.hpp>

#include <cstdio>
#include <cstring>

int main() {
  basalt::MmapGrower<basalt::RawOs> grower;
  const basalt::Result<basalt::Range> growth = grower.grow(10'000);
  if (!growth.ok()) {
    std::printf("refused: %s\n", std::strerror(growth.error.number));
    return 1;
  }
  const auto [begin, size] = growth.value;
  std::printf("asked for 10000 bytes, got %zu at %p: %zu pages of %zu\n", size, static_cast<void*>(begin),
              grower.pages(), grower.page_size());
  std::memset(begin, 0x42, size);

  const basalt::Result<basalt::Range> larger = grower.remap(growth.value, 2 * size);
  if (!larger.ok() || larger.value.begin[size - 1] != std::byte{0x42}) return 1;
  std::printf("twice as large now, with the same contents, and nothing was copied\n");
  return grower.give_back(larger.value) || grower.pages() != 0 ? 1 : 0;
}
