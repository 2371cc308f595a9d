// The reader of traces as a page would have it: compiled to wasm32, given the bytes of a file. What unpacks zstd, the page brings.
#include "trace/reader.hpp"

using namespace basalt::trace;

extern "C" {

[[clang::export_name("room")]] unsigned char* room(unsigned size) { return new unsigned char[size]; }

[[clang::export_name("events")]] unsigned events(const unsigned char* bytes, unsigned size) {
  const Reader reader{in_memory(Bytes(bytes, bytes + size))};
  return reader.readable() ? static_cast<unsigned>(reader.totals().events) : ~0U;
}

[[clang::export_name("peak")]] unsigned peak(const unsigned char* bytes, unsigned size) {
  return static_cast<unsigned>(Reader{in_memory(Bytes(bytes, bytes + size))}.totals().peak_bytes);
}
}
