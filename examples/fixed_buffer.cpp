// A heap without an operating system: it lives in an array, and the array is all it ever has.
#include <basalt/basic.hpp>
#include <basalt/growers.hpp>

#include <cstdio>

alignas(64) static std::byte memory[4096];

int main() {
  basalt::RawAlloc<basalt::FixedBuffer<64>> heap{memory, sizeof memory};

  const auto name = heap.allocate({100});
  const auto table = heap.allocate({.size = 1000, .alignment = 256});
  if (!name.ok() || !table.ok()) return 1;
  std::printf("100 bytes at offset %td, 1000 bytes at offset %td\n", name.value - memory,
              table.value - memory);

  const auto too_much = heap.allocate({4000});
  std::printf("4000 bytes more: %s\n", too_much.ok() ? "?" : "no, and no harm done");

  heap.deallocate(name.value, 100);  // whoever has a block knows its size
  heap.deallocate(table.value, 1000);
  const basalt::HeapStats stats = heap.stats();
  std::printf("%zu of %zu bytes used, %zu free in %zu block\n", stats.grown_bytes, sizeof memory,
              stats.free_bytes, stats.free_blocks);
  return !too_much.ok() && stats.conserved() && stats.live_bytes == 0 && stats.free_blocks == 1 ? 0 : 1;
}
