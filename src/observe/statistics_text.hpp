// The engine's statistics for machines: JSON, and the text format of OpenMetrics 1.0 that Prometheus reads.
//
// Written into the caller's buffer, without allocating. Fields are only ever added; the schema's number changes when one
// goes or means something else.
#pragma once

#include <cstddef>

#include "../base/buffer_text.hpp"
#include "../engine/statistics.hpp"

namespace basalt::observe {

inline constexpr std::size_t statistics_schema = 1;

// A figure by its name; both formats use the same ones.
struct Figure {
  const char* name = nullptr;
  std::size_t value = 0;
};

// Effects: calls visit(figure) for each of the figures that sum to `figures.bytes`.
template <class Visitor>
void each_figure(const engine::SpanFigures& figures, Visitor&& visit) noexcept {
  const Figure all[] = {{"live", figures.live},
                        {"free", figures.free},
                        {"cached", figures.cached},
                        {"remote", figures.remote},
                        {"tails", figures.tails}};
  for (const Figure& figure : all) visit(figure);
}

inline constexpr unsigned figure_count = 11;

// Effects: calls visit(figure) for each of the figures that sum to `now.mapped`.
template <class Visitor>
void each_figure(const engine::Statistics& now, Visitor&& visit) noexcept {
  const Figure all[figure_count] = {
      {"live_slots", now.spans.live}, {"live_large", now.large},         {"live_huge", now.huge},
      {"live_guarded", now.guarded},  {"free_in_spans", now.spans.free}, {"cached", now.spans.cached},
      {"remote", now.spans.remote},   {"tails", now.spans.tails},        {"dirty", now.dirty},
      {"clean", now.clean},           {"metadata", now.metadata}};
  for (const Figure& figure : all) visit(figure);
}

namespace detail {

inline void json_figures(BufferText& text, const engine::SpanFigures& figures) noexcept {
  text << "\"spans\":" << figures.spans << ",\"bytes\":" << figures.bytes;
  each_figure(figures, [&](Figure f) { text << ",\"" << f.name << "\":" << f.value; });
  text << ",\"holes\":" << figures.holes;
}

inline void metric(BufferText& text, const char* family, const char* label, std::size_t value,
                   Figure f) noexcept {
  text << family << "{" << label << "=\"" << value << "\",state=\"" << f.name << "\"} " << f.value << "\n";
}

}  // namespace detail

// Effects: says what the metrics that follow mean.
inline void write_family(BufferText& text, const char* name, const char* help) noexcept {
  text << "# TYPE " << name << " gauge\n# UNIT " << name << " bytes\n# HELP " << name << " " << help << "\n";
}

inline constexpr const char* memory_family = "basalt_memory_bytes";

// Effects: writes one JSON object, without line ends. `each_heap(visit)` calls visit(id, figures) for every heap.
template <class EachHeap>
void write_json(BufferText& text, const char* allocator, const engine::Statistics& now,
                EachHeap&& each_heap) noexcept {
  text << "{\"schema\":" << statistics_schema << ",\"allocator\":\"" << allocator << "\",\"unit\":\"bytes\"";
  text << ",\"mapped\":" << now.mapped << ",\"sums_to_mapped\":{";
  const char* comma = "";
  each_figure(now, [&](Figure f) {
    text << comma << "\"" << f.name << "\":" << f.value;
    comma = ",";
  });
  text << "},\"idle_bound\":" << now.idle_bound;
  text << ",\"estimates\":{\"rounding_in_live_slots_sampled\":" << now.rounding_sampled << "}";
  text << ",\"classes\":[";
  comma = "";
  for (unsigned c = 0; c < engine::class_count; ++c) {
    if (now.of_class[c].spans == 0) continue;
    text << comma << "{\"slot\":" << engine::slot_bytes(c) << ",";
    detail::json_figures(text, now.of_class[c]);
    text << "}";
    comma = ",";
  }
  text << "],\"heaps\":[";
  comma = "";
  each_heap([&](std::size_t id, const engine::SpanFigures& figures) {
    text << comma << "{\"heap\":" << id << ",";
    detail::json_figures(text, figures);
    text << "}";
    comma = ",";
  });
  text << "]}";
}

// Effects: writes gauges in bytes, and the end mark.
template <class EachHeap>
void write_open_metrics(BufferText& text, const engine::Statistics& now, EachHeap&& each_heap) noexcept {
  constexpr const char* memory = memory_family;
  constexpr const char* classes = "basalt_class_bytes";
  constexpr const char* heaps = "basalt_heap_bytes";
  constexpr const char* mapped = "basalt_mapped_bytes";
  constexpr const char* idle = "basalt_idle_bound_bytes";
  constexpr const char* rounding = "basalt_rounding_sampled_bytes";
  write_family(text, mapped, "What the system was asked for and may be used.");
  text << mapped << " " << now.mapped << "\n";
  write_family(text, memory, "What it is used for; sums to basalt_mapped_bytes.");
  each_figure(now, [&](Figure f) { text << memory << "{state=\"" << f.name << "\"} " << f.value << "\n"; });
  write_family(text, idle, "What may stay resident while nothing happens, besides live blocks.");
  text << idle << " " << now.idle_bound << "\n";
  write_family(text, rounding, "Estimate from samples: what callers did not ask for in live slots.");
  text << rounding << " " << now.rounding_sampled << "\n";
  write_family(text, classes, "Spans by the size of their slots.");
  for (unsigned c = 0; c < engine::class_count; ++c) {
    if (now.of_class[c].spans == 0) continue;
    each_figure(now.of_class[c],
                [&](Figure f) { detail::metric(text, classes, "slot", engine::slot_bytes(c), f); });
  }
  write_family(text, heaps, "Spans by the heap that owns them.");
  each_heap([&](std::size_t id, const engine::SpanFigures& figures) {
    each_figure(figures, [&](Figure f) { detail::metric(text, heaps, "heap", id, f); });
  });
  text << "# EOF\n";
}

}  // namespace basalt::observe
