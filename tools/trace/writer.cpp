#include "writer.hpp"

#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace basalt::trace {

Writer::Writer(const std::string& path, const Header& header, std::uint64_t most_bytes)
    : file_{std::fopen(path.c_str(), "wbe")},
      columns_{header.columns},
      most_bytes_{most_bytes},
      packer_{header.columns} {
  if (file_ == nullptr) {
    error_ = std::strerror(errno);
    return;
  }
  const std::string json = to_json(header);
  Bytes bytes{file_magic, file_magic + sizeof file_magic};
  put_fixed(bytes, json.size(), 8);
  put_fixed(bytes, XXH3_64bits(json.data(), json.size()), 8);
  write(bytes.data(), bytes.size());
  write(json.data(), json.size());
}

Writer::~Writer() {
  if (file_ == nullptr) return;
  flush();
  std::fclose(file_);
}

std::uint64_t Writer::append(const Event& event, std::uint64_t ended_bytes) {
  const std::uint64_t block = totals_.blocks_begun;
  const std::uint64_t time =
      columns_.times ? std::max(event.time - event.time % time_unit, summary_.last_time) : 0;
  if (summary_.events == 0) {
    summary_ = {0,
                totals_.events,
                totals_.blocks_begun,
                live_bytes_,
                live_blocks_,
                live_bytes_,
                totals_.events,
                time,
                time,
                0,
                0};
    packer_.begin(block, time);
  }
  count(event, ended_bytes);
  summary_.last_time = time;
  packer_.add(event, time);
  if (summary_.events == events_per_block) flush();
  return block;
}

void Writer::count(const Event& event, std::uint64_t ended_bytes) {
  if (ends_block(event.op)) live_bytes_ -= ended_bytes, --live_blocks_;
  if (begins_block(event.op))
    live_bytes_ += event.size, ++live_blocks_, ++summary_.begun, ++totals_.blocks_begun;
  if (event.op == Op::free_unknown) ++summary_.unknown_frees, ++totals_.unknown_frees;
  if (live_bytes_ > summary_.peak_bytes) {
    summary_.peak_bytes = live_bytes_;
    summary_.peak_event = totals_.events;
  }
  if (live_bytes_ > totals_.peak_bytes) totals_.peak_bytes = live_bytes_;
  ++summary_.events;
  ++totals_.events;
}

void Writer::flush() {
  if (summary_.events == 0) return;
  add_section(packer_.pack(summary_));
  summary_.events = 0;
}

void Writer::add(std::span<const Call> calls) {
  constexpr std::size_t at_once = 256 * 1024;
  while (!calls.empty()) {
    const auto some = calls.first(calls.size() < at_once ? calls.size() : at_once);
    add_section(packer_.pack(Section::calls, bytes_of(some, next_call_)));
    next_call_ += static_cast<std::uint32_t>(some.size());
    calls = calls.subspan(some.size());
  }
}

void Writer::add(std::span<const Module> modules) {
  if (!modules.empty()) add_section(packer_.pack(Section::modules, bytes_of(modules)));
}

void Writer::add_section(const Bytes& section) {
  offsets_.push_back(written_);
  write(section.data(), section.size());
  if (file_ != nullptr && error_.empty() && std::fflush(file_) != 0) error_ = std::strerror(errno);
}

void Writer::finish(Ending ending) {
  flush();
  totals_.ending = ending;
  Bytes footer;
  put_fixed(footer, offsets_.size(), 8);
  for (const std::uint64_t offset : offsets_) put_fixed(footer, offset, 8);
  for (const std::uint64_t figure : {totals_.events, totals_.blocks_begun, totals_.peak_bytes,
                                     totals_.unknown_frees, std::uint64_t{static_cast<std::uint8_t>(ending)}})
    put_fixed(footer, figure, 8);
  put_fixed(footer, XXH3_64bits(footer.data(), footer.size()), 8);
  put_fixed(footer, written_, 8);
  footer.insert(footer.end(), end_magic, end_magic + sizeof end_magic);
  write(footer.data(), footer.size());
  if (file_ != nullptr && std::fclose(file_) != 0 && error_.empty()) error_ = std::strerror(errno);
  file_ = nullptr;
}

void Writer::write(const void* bytes, std::size_t size) {
  if (file_ == nullptr || !error_.empty()) return;
  if (std::fwrite(bytes, 1, size, file_) != size) error_ = std::strerror(errno);
  written_ += size;
}

}  // namespace basalt::trace
