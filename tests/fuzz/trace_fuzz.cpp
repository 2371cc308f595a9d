// The reader of traces, against files that nobody wrote: whatever the bytes are, it ends, and says what is wrong.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "trace/reader.hpp"

namespace {

using namespace basalt::trace;

void read_as_file(const Bytes& bytes) {
  Reader reader{in_memory(bytes)};
  std::vector<Event> events;
  bool whole = true;
  for (std::size_t i = 0; i != reader.blocks(); ++i) {
    const bool read = reader.read(i, events);
    if (read && events.size() != reader.summary(i).events) std::abort();
    whole = whole && read;
  }
  if (!(whole && reader.readable()) && reader.damage().empty()) std::abort();
}

// Past the checksums, which no fuzzer guesses.
void read_as_events(const Bytes& bytes) {
  if (bytes.size() < 3) return;
  Summary summary;
  summary.events = bytes[0] + 256U * bytes[1];
  summary.first_block = bytes[2];
  std::vector<Event> events;
  const Columns columns{(bytes[2] & 1) != 0, (bytes[2] & 2) != 0, (bytes[2] & 4) != 0};
  const bool whole = parse_events(std::span{bytes}.subspan(3), summary, columns, events);
  if (whole && events.size() != summary.events) std::abort();
  std::uint64_t births = summary.first_block;
  for (const Event& event : events) {
    if (ends_block(event.op) && event.ended >= births) std::abort();
    if (begins_block(event.op) && event.block != births++) std::abort();
  }
}

void read_as_tables(const Bytes& bytes) {
  Tables tables;
  const bool calls = add_calls(bytes, tables);
  if (!calls && tables.calls.size() != 1) std::abort();
  for (std::size_t call = 1; call != tables.calls.size(); ++call) {
    if (tables.calls[call].parent >= call) std::abort();
  }
  (void)tables.addresses(static_cast<std::uint32_t>(tables.calls.size()) - 1);
  (void)add_modules(bytes, tables);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes bytes(data, data + size);
  read_as_file(bytes);
  read_as_events(bytes);
  read_as_tables(bytes);
  return 0;
}
