// basalt_stats_json, basalt_stats, mallinfo2, mallinfo and malloc_info tell the same of a heap that rests.
//
// runs: none
// engine runs: global static
#include <basalt/basalt.h>

#include <malloc.h>

#include "support/process.hpp"

namespace {

char json[1 << 16];
char again[1 << 16];
char xml[1 << 16];

// Returns: the number behind `name` in `text`.
[[nodiscard]] std::size_t number(const char* text, const char* name) {
  const char* const at = std::strstr(text, name);
  if (at == nullptr) std::fprintf(stderr, "no %s\n", name);
  CHECK(at != nullptr);
  return std::strtoull(at + std::strlen(name), nullptr, 10);
}

[[nodiscard]] std::size_t in_json(const char* figure) {
  char name[64];
  std::snprintf(name, sizeof name, "\"%s\":", figure);
  return number(json, name);
}

[[nodiscard]] std::size_t in_xml(const char* figure) {
  char name[64];
  std::snprintf(name, sizeof name, "<total type=\"%s\" size=\"", figure);
  return number(xml, name);
}

void fill_and_leave_holes() {
  static void* blocks[3000];
  for (std::size_t i = 0; i < 3000; ++i) blocks[i] = std::malloc(i % 100 == 0 ? 200'000 : 10 + i);
  for (std::size_t i = 0; i < 3000; i += 3) std::free(blocks[i]);
  CHECK(std::malloc(5 << 20) != nullptr);
}

// Through a stream that allocates nothing.
void write_xml() {
  static char buffer[1 << 16];
  std::FILE* const stream = std::fopen("/dev/null", "we");
  CHECK(stream != nullptr && std::setvbuf(stream, buffer, _IOFBF, sizeof buffer) == 0);
  CHECK(std::fputs(" ", stream) > 0);
  CHECK(basalt_stats_json(json, sizeof json) < sizeof json);
  CHECK(malloc_info(0, stream) == 0);
  std::memcpy(xml, buffer, sizeof xml - 1);
  std::fclose(stream);
}

}  // namespace

int main() {
  process::must_be_ours();
  fill_and_leave_holes();
  write_xml();
  for (const char* const figure : {"live_slots", "live_large", "live_huge", "live_guarded", "free_in_spans",
                                   "cached", "remote", "tails", "dirty", "clean", "metadata"}) {
    CHECK(in_xml(figure) == in_json(figure));
  }
  const std::size_t live =
      in_json("live_slots") + in_json("live_large") + in_json("live_huge") + in_json("live_guarded");
  const std::size_t blocks = in_json("mapped") - in_json("metadata");
  CHECK(live > 5 << 20 && in_json("cached") > 0 && (in_json("dirty") > 0 || process::is_hardened()));
  CHECK(in_xml("live") == live && number(xml, "<system type=\"current\" size=\"") == blocks);

  CHECK(basalt_stats_json(json, sizeof json) < sizeof json);
  const struct mallinfo2 wide = mallinfo2();
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  const struct mallinfo narrow = mallinfo();
#pragma GCC diagnostic pop
  basalt_heap_stats stats;
  basalt_stats(&stats);
  CHECK(basalt_stats_json(again, sizeof again) < sizeof again && std::strcmp(json, again) == 0);
  CHECK(wide.uordblks ==
        in_json("live_slots") + in_json("live_large") + in_json("live_huge") + in_json("live_guarded"));
  CHECK(wide.arena == in_json("mapped") - in_json("metadata"));
  CHECK(wide.fordblks == wide.arena - wide.uordblks);
  CHECK(wide.fsmblks == in_json("cached") && wide.keepcost == in_json("dirty"));
  CHECK(static_cast<std::size_t>(narrow.uordblks) == wide.uordblks);
  CHECK(static_cast<std::size_t>(narrow.keepcost) == wide.keepcost);
  CHECK(stats.live_bytes == wide.uordblks && stats.free_bytes == wide.fordblks &&
        stats.free_blocks == wide.ordblks);
}
