// The heap's statistics for machines: see include/basalt/basalt.h for what each function promises.
#include <basalt/basalt.h>

#include "../base/buffer_text.hpp"
#include "../base/compiler.hpp"
#include "../observe/statistics_text.hpp"
#include "kitchen.hpp"
#include "walked.hpp"

namespace {

using basalt::door::Walked;

template <class Kitchen>
[[nodiscard]] std::size_t write_json(const Kitchen& kitchen, char* buffer, std::size_t size) noexcept {
  basalt::BufferText text{buffer, size};
  if constexpr (Walked<Kitchen>) {
    kitchen.with_statistics([&](const auto& now, const auto& each_heap) {
      basalt::observe::write_json(text, basalt::door::kitchen_name, now, each_heap);
    });
  } else {
    const basalt::HeapStats now = kitchen.stats();
    text << "{\"schema\":" << basalt::observe::statistics_schema << ",\"allocator\":\""
         << basalt::door::kitchen_name
         << "\",\"unit\":\"bytes\",\"mapped\":" << now.live_bytes + now.free_bytes
         << ",\"sums_to_mapped\":{\"live\":" << now.live_bytes << ",\"free\":" << now.free_bytes << "}}";
  }
  return text.finish();
}

template <class Kitchen>
[[nodiscard]] std::size_t write_open_metrics(const Kitchen& kitchen, char* buffer,
                                             std::size_t size) noexcept {
  basalt::BufferText text{buffer, size};
  if constexpr (Walked<Kitchen>) {
    kitchen.with_statistics([&](const auto& now, const auto& each_heap) {
      basalt::observe::write_open_metrics(text, now, each_heap);
    });
  } else {
    const basalt::HeapStats now = kitchen.stats();
    basalt::observe::write_family(text, basalt::observe::memory_family,
                                  "What the heap's memory is used for.");
    text << "basalt_memory_bytes{state=\"live\"} " << now.live_bytes << "\n"
         << "basalt_memory_bytes{state=\"free\"} " << now.free_bytes << "\n# EOF\n";
  }
  return text.finish();
}

}  // namespace

extern "C" {

BASALT_DOOR size_t basalt_stats_json(char* buffer, size_t size) {
  return write_json(basalt::door::kitchen, buffer, size);
}

BASALT_DOOR size_t basalt_stats_openmetrics(char* buffer, size_t size) {
  return write_open_metrics(basalt::door::kitchen, buffer, size);
}

}  // extern "C"
