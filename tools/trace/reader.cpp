#include "reader.hpp"

#include <xxhash.h>

#include <cstdio>
#include <cstring>
#include <utility>

namespace basalt::trace {

namespace {

constexpr std::size_t fixed_header_bytes = 24;
constexpr std::size_t trailer_bytes = 16;
constexpr std::size_t footer_figures = 7;  // beside the offsets: their number, five totals, the checksum
constexpr std::uint64_t most_header_bytes = 16 * 1024 * 1024;

class File final : public Input {
 public:
  explicit File(std::FILE* file) : file_{file} {
    std::fseek(file_, 0, SEEK_END);
    const long end = std::ftell(file_);
    size_ = end < 0 ? 0 : static_cast<std::uint64_t>(end);
  }
  ~File() override { std::fclose(file_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  [[nodiscard]] std::uint64_t size() const override { return size_; }
  [[nodiscard]] bool read(std::uint64_t offset, std::span<std::uint8_t> to) override {
    if (offset > size_ || to.size() > size_ - offset) return false;
    return std::fseek(file_, static_cast<long>(offset), SEEK_SET) == 0 &&
           std::fread(to.data(), 1, to.size(), file_) == to.size();
  }

 private:
  std::FILE* file_;
  std::uint64_t size_;
};

class Memory final : public Input {
 public:
  explicit Memory(Bytes bytes) : bytes_{std::move(bytes)} {}
  [[nodiscard]] std::uint64_t size() const override { return bytes_.size(); }
  [[nodiscard]] bool read(std::uint64_t offset, std::span<std::uint8_t> to) override {
    if (offset > bytes_.size() || to.size() > bytes_.size() - offset) return false;
    std::memcpy(to.data(), bytes_.data() + offset, to.size());
    return true;
  }

 private:
  Bytes bytes_;
};

}  // namespace

std::unique_ptr<Input> open_file(const std::string& path) {
  std::FILE* const file = std::fopen(path.c_str(), "rbe");
  return file == nullptr ? nullptr : std::make_unique<File>(file);
}

std::unique_ptr<Input> in_memory(Bytes bytes) { return std::make_unique<Memory>(std::move(bytes)); }

Reader::Reader(std::unique_ptr<Input> input) : input_{std::move(input)} {
  if (input_ == nullptr) {
    damage_ = "the file cannot be opened";
    return;
  }
  if (!read_header()) return;
  readable_ = true;
  if (!read_footer()) {
    places_.clear();
    table_places_.clear();
    totals_ = {};
    scan();
  }
  read_tables();
}

void Reader::say(std::string sentence) {
  if (damage_.empty()) damage_ = std::move(sentence);
}

bool Reader::read_header() {
  Bytes fixed(fixed_header_bytes);
  if (!input_->read(0, fixed) || std::memcmp(fixed.data(), file_magic, sizeof file_magic) != 0) {
    say("the file is not a Basalt trace");
    return false;
  }
  Cursor at{std::span<const std::uint8_t>{fixed}.subspan(sizeof file_magic)};
  const std::uint64_t length = at.fixed(8), checksum = at.fixed(8);
  std::string json(length <= most_header_bytes ? static_cast<std::size_t>(length) : 0, '\0');
  const std::span<std::uint8_t> to{reinterpret_cast<std::uint8_t*>(json.data()), json.size()};
  if (json.empty() || !input_->read(fixed_header_bytes, to) ||
      XXH3_64bits(json.data(), json.size()) != checksum) {
    say("the trace is damaged in its header, and nothing of it can be read");
    return false;
  }
  const std::string reason = from_json(json, header_);
  if (!reason.empty()) say("the trace cannot be read: " + reason);
  first_offset_ = fixed_header_bytes + length;
  return reason.empty();
}

bool Reader::read_footer() {
  Bytes trailer(trailer_bytes);
  const std::uint64_t size = input_->size();
  if (size < trailer_bytes || !input_->read(size - trailer_bytes, trailer)) return false;
  if (std::memcmp(trailer.data() + 8, end_magic, sizeof end_magic) != 0) return false;
  const std::uint64_t begin = Cursor{trailer}.fixed(8), end = size - trailer_bytes;
  if (begin < first_offset_ || begin > end || end - begin < footer_figures * 8) return false;
  Bytes footer(static_cast<std::size_t>(end - begin));
  if (!input_->read(begin, footer)) return false;
  Cursor sum{std::span<const std::uint8_t>{footer}.last(8)};
  if (XXH3_64bits(footer.data(), footer.size() - 8) != sum.fixed(8)) return false;
  Cursor at{footer};
  const std::uint64_t count = at.fixed(8);
  if (count != footer.size() / 8 - footer_figures) return false;
  for (std::uint64_t i = 0; i != count; ++i) {
    if (!add_place(at.fixed(8))) return false;
  }
  for (std::uint64_t* const figure :
       {&totals_.events, &totals_.blocks_begun, &totals_.peak_bytes, &totals_.unknown_frees})
    *figure = at.fixed(8);
  const std::uint64_t ending = at.fixed(8);
  totals_.ending = static_cast<Ending>(ending);
  return ending < static_cast<std::uint8_t>(Ending::interrupted);
}

bool Reader::add_place(std::uint64_t offset) {
  Place place{offset, {}, {}};
  if (!input_->read(offset, place.bytes) || !parse(place.bytes, place.head)) return false;
  if (place.head.packed_bytes > input_->size() - offset - head_bytes) return false;
  (place.head.section == Section::events ? places_ : table_places_).push_back(place);
  return true;
}

void Reader::scan() {
  std::uint64_t offset = first_offset_;
  totals_.ending = Ending::interrupted;
  std::size_t before = 0;
  while (add_place(offset)) {
    const bool is_table = places_.size() == before;
    const Head& head = is_table ? table_places_.back().head : places_.back().head;
    before = places_.size();
    offset += head_bytes + head.packed_bytes;
    totals_.events += head.summary.events;
    totals_.blocks_begun += head.summary.begun;
    totals_.unknown_frees += head.summary.unknown_frees;
    if (head.summary.peak_bytes > totals_.peak_bytes) totals_.peak_bytes = head.summary.peak_bytes;
  }
  say("the trace has no end: the recording was interrupted, or the file was cut or damaged; its first " +
      std::to_string(totals_.events) + " events can be read");
}

void Reader::read_tables() {
  Bytes plain;
  for (const Place& place : table_places_) {
    const bool sound =
        read_section(place, plain) &&
        (place.head.section == Section::calls ? add_calls(plain, tables_) : add_modules(plain, tables_));
    if (!sound) say("the trace is damaged in its tables: some stacks are not known");
  }
}

bool Reader::read_section(const Place& place, Bytes& plain) {
  Bytes packed(place.head.packed_bytes);
  return input_->read(place.offset + head_bytes, packed) && unpack(place.bytes, place.head, packed, plain);
}

bool Reader::read(std::size_t block, std::vector<Event>& events) {
  const Place& place = places_[block];
  Bytes plain;
  if (read_section(place, plain) && parse_events(plain, place.head.summary, header_.columns, events))
    return true;
  events.clear();
  say_damaged(place);
  return false;
}

bool Reader::check() {
  Bytes packed;
  for (const Place& place : places_) {
    packed.resize(place.head.packed_bytes);
    if (input_->read(place.offset + head_bytes, packed) && is_sound(place.bytes, place.head, packed))
      continue;
    say_damaged(place);
    return false;
  }
  return true;
}

void Reader::say_damaged(const Place& place) {
  say("the trace is damaged at event " + std::to_string(place.head.summary.first_event) +
      ": what lies before can be read");
}

}  // namespace basalt::trace
