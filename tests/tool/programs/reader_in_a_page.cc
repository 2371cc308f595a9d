// The reader of traces as a page would have it: compiled to wasm32, given the bytes of a file. What unpacks zstd, the page brings.
#include "trace/reader.hpp"

using namespace basalt::trace;

static std::vector<Event> decoded;

extern "C" {

[[clang::export_name("room")]] unsigned char* room(unsigned size) { return new unsigned char[size]; }

[[clang::export_name("events")]] unsigned events(const unsigned char* bytes, unsigned size) {
  const Reader reader{in_memory(Bytes(bytes, bytes + size))};
  return reader.readable() ? static_cast<unsigned>(reader.totals().events) : ~0U;
}

[[clang::export_name("peak")]] unsigned peak(const unsigned char* bytes, unsigned size) {
  return static_cast<unsigned>(Reader{in_memory(Bytes(bytes, bytes + size))}.totals().peak_bytes);
}
// Effects: all events are there for `field`.  Returns: how many.
[[clang::export_name("decode")]] unsigned decode(const unsigned char* bytes, unsigned size) {
  Reader reader{in_memory(Bytes(bytes, bytes + size))};
  decoded.clear();
  std::vector<Event> some;
  for (std::size_t block = 0; block != reader.blocks(); ++block) {
    if (!reader.read(block, some)) return ~0U;
    decoded.insert(decoded.end(), some.begin(), some.end());
  }
  return static_cast<unsigned>(decoded.size());
}

// Returns: of an event its operation, thread, size, block that begins, block that ends, or stack.
[[clang::export_name("field")]] double field(unsigned event, unsigned which) {
  const Event& one = decoded[event];
  switch (which) {
    case 0: return static_cast<double>(one.op);
    case 1: return one.thread;
    case 2: return static_cast<double>(one.size);
    case 3: return static_cast<double>(one.block);
    case 4: return static_cast<double>(one.ended);
    default: return one.stack;
  }
}
}
