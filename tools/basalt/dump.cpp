#include <fmt/format.h>

#include <array>
#include <memory>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "console.hpp"
#include "open_trace.hpp"

namespace basalt::tool {

namespace {

using nlohmann::json;
using trace::Event;
using trace::Op;

struct Wishes {
  std::string path;
  bool as_json = false;
  bool with_stacks = false;
  std::uint64_t from = 0;
  std::uint64_t count = UINT64_MAX;
};

[[nodiscard]] json as_json(std::uint64_t number, const Event& event, const trace::Columns& columns) {
  json line{{"event", number},
            {"op", trace::op_names[static_cast<std::size_t>(event.op)]},
            {"thread", event.thread}};
  if (trace::begins_block(event.op)) line["block"] = event.block, line["size"] = event.size;
  if (trace::ends_block(event.op)) line["ended"] = event.ended;
  if (event.op == Op::allocate_aligned) line["alignment"] = std::uint64_t{1} << event.alignment_log2;
  if (columns.pointers && event.pointer != 0) line["pointer"] = fmt::format("{:#x}", event.pointer);
  if (columns.times) line["time_ns"] = event.time;
  if (columns.stacks && trace::begins_block(event.op)) line["stack"] = event.stack;
  return line;
}

[[nodiscard]] std::string as_text(std::uint64_t number, const Event& event, const trace::Columns& columns) {
  std::string line = fmt::format("{:>10}", number);
  if (columns.times) line += fmt::format(" {:>14}", event.time);
  line +=
      fmt::format("  thread {:<4} {:<12}", event.thread, trace::op_names[static_cast<std::size_t>(event.op)]);
  if (trace::ends_block(event.op)) line += fmt::format(" #{}", event.ended);
  if (event.op == Op::reallocate) line += " ->";
  if (trace::begins_block(event.op)) line += fmt::format(" #{} {} bytes", event.block, event.size);
  if (event.op == Op::allocate_aligned)
    line += fmt::format(" at a multiple of {}", std::uint64_t{1} << event.alignment_log2);
  if (columns.pointers && event.pointer != 0) line += fmt::format(" {:#x}", event.pointer);
  if (event.stack != 0) line += fmt::format(" stack {}", event.stack);
  return line;
}

// An address as module and offset in its file, which is what other tools ask for.
[[nodiscard]] std::string place_of(const trace::Tables& tables, std::uint64_t address) {
  const trace::Module* const module = tables.module_of(address);
  if (module == nullptr) return fmt::format("{:#x}", address);
  return fmt::format("{}+{:#x}", module->path, address - module->begin + module->file_offset);
}

void print_stack(const trace::Tables& tables, std::uint32_t stack) {
  for (const std::uint64_t address : tables.addresses(stack))
    fmt::print("{:>14}{}\n", "", place_of(tables, address));
}

int dump(const Wishes& wishes) {
  trace::Reader reader = open_trace(wishes.path);
  const trace::Columns columns = reader.header().columns;
  std::vector<Event> events;
  std::uint64_t printed = 0;
  for (std::size_t block = 0; block != reader.blocks() && printed < wishes.count; ++block) {
    const trace::Summary& summary = reader.summary(block);
    if (summary.first_event + summary.events <= wishes.from) continue;
    if (!reader.read(block, events)) break;
    for (std::uint64_t i = 0; i != events.size() && printed < wishes.count; ++i) {
      const std::uint64_t number = summary.first_event + i;
      if (number < wishes.from) continue;
      fmt::print("{}\n", wishes.as_json ? as_json(number, events[i], columns).dump()
                                        : as_text(number, events[i], columns));
      if (wishes.with_stacks && !wishes.as_json) print_stack(reader.tables(), events[i].stack);
      ++printed;
    }
  }
  mention_damage(reader, wishes.path);
  return success;
}

}  // namespace

Action describe_dump(Options page) {
  const auto wishes = std::make_shared<Wishes>();
  page.add_option("FILE", wishes->path, "a trace").required();
  page.add_flag("--json", wishes->as_json, "a JSON object a line");
  page.add_flag("--stacks", wishes->with_stacks, "with the addresses of who called");
  page.add_option("--from", wishes->from, "the number of the first event to print");
  page.add_option("--count", wishes->count, "how many to print");
  return [wishes] { return dump(*wishes); };
}

}  // namespace basalt::tool
