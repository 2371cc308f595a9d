#include "import_events.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "trace/event.hpp"

namespace basalt::tool {

namespace {

using trace::Event;
using trace::Op;

constexpr std::string_view csv_begin = "event,op,";
constexpr std::string_view json_begin = "{\"";

[[noreturn]] void refuse(const std::string& path, std::size_t line, const std::string& what) {
  throw UserError(fmt::format("{}, line {}: {}", path, line, what),
                  "a line is one event, as basalt export --to csv or --to json writes it");
}

[[nodiscard]] std::uint64_t number_in(const std::string& text, const char* field) {
  const bool hexadecimal = text.starts_with("0x");
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] =
      std::from_chars(text.data() + (hexadecimal ? 2 : 0), end, value, hexadecimal ? 16 : 10);
  if (error != std::errc{} || stop != end) throw std::invalid_argument{field};
  return value;
}

// What a line says, by the names of its fields. A field that is empty is not there.
class CsvLine {
 public:
  CsvLine(const std::vector<std::string>& names, std::vector<std::string> cells)
      : names_{names}, cells_{std::move(cells)} {}

  [[nodiscard]] std::optional<std::uint64_t> number(const char* field) const {
    const std::string text = word(field);
    return text.empty() ? std::nullopt : std::optional{number_in(text, field)};
  }
  [[nodiscard]] std::string word(const char* field) const {
    const auto found = std::find(names_.begin(), names_.end(), field);
    const auto at = static_cast<std::size_t>(found - names_.begin());
    return at < cells_.size() ? cells_[at] : std::string{};
  }

 private:
  const std::vector<std::string>& names_;
  std::vector<std::string> cells_;
};

// The same.
class JsonLine {
 public:
  explicit JsonLine(const std::string& text) : fields_(nlohmann::json::parse(text)) {}

  [[nodiscard]] std::optional<std::uint64_t> number(const char* field) const {
    const auto found = fields_.find(field);
    if (found == fields_.end()) return std::nullopt;
    if (found->is_string()) return number_in(found->get<std::string>(), field);
    if (!found->is_number_unsigned()) throw std::invalid_argument{field};
    return found->get<std::uint64_t>();
  }
  [[nodiscard]] std::string word(const char* field) const { return fields_.value(field, ""); }

 private:
  nlohmann::json fields_;
};

[[nodiscard]] std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::size_t begin = 0;
  for (std::size_t comma = 0; comma != std::string::npos; begin = comma + 1) {
    comma = line.find(',', begin);
    cells.push_back(line.substr(begin, comma - begin));
  }
  return cells;
}

// Gives blocks and threads the numbers that they have in the new trace.
class Numbering {
 public:
  template <class Line>
  void append(const Line& line, trace::Writer& to) {
    Event event = event_of(line);
    event.thread =
        threads_.try_emplace(line.number("thread").value_or(0), static_cast<std::uint32_t>(threads_.size()))
            .first->second;
    std::uint64_t ended_bytes = 0;
    if (trace::ends_block(event.op)) {
      const auto found = live_.find(event.ended);
      if (found == live_.end()) {
        event.op = event.op == Op::free ? Op::free_unknown : Op::allocate;
        event.ended = 0;
      } else {
        event.ended = found->second.number;
        ended_bytes = found->second.size;
        live_.erase(found);
      }
    }
    const std::uint64_t name = event.block;
    const std::uint64_t number = to.append(event, ended_bytes);
    if (trace::begins_block(event.op)) live_[name] = {number, event.size};
  }

 private:
  struct Live {
    std::uint64_t number, size;
  };

  template <class Line>
  [[nodiscard]] static std::uint64_t wanted(const Line& line, const char* field) {
    const std::optional<std::uint64_t> value = line.number(field);
    if (!value) throw std::invalid_argument{field};
    return *value;
  }

  template <class Line>
  [[nodiscard]] static Event event_of(const Line& line) {
    Event event;
    const std::string op = line.word("op");
    const auto named = std::find(trace::op_names.begin(), trace::op_names.end(), op);
    if (named == trace::op_names.end()) throw std::invalid_argument{"op"};
    event.op = static_cast<Op>(named - trace::op_names.begin());
    if (trace::begins_block(event.op)) {
      event.block = wanted(line, "block");
      event.size = wanted(line, "size");
      const std::uint64_t alignment = line.number("alignment").value_or(1U << trace::natural_alignment_log2);
      if (!std::has_single_bit(alignment)) throw std::invalid_argument{"alignment"};
      event.alignment_log2 = static_cast<std::uint8_t>(std::countr_zero(alignment));
    }
    if (trace::ends_block(event.op)) event.ended = wanted(line, "ended");
    event.pointer = line.number("pointer").value_or(0);
    event.time = line.number("time_ns").value_or(0);
    return event;
  }

  std::unordered_map<std::uint64_t, Live> live_;
  std::unordered_map<std::uint64_t, std::uint32_t> threads_;
};

}  // namespace

EventText event_text(const std::string& text) {
  if (text.starts_with(csv_begin)) return EventText::csv;
  return text.starts_with(json_begin) ? EventText::json : EventText::none;
}

trace::Columns event_columns(const std::string& text, EventText kind) {
  if (kind == EventText::json)
    return {text.find("\"pointer\":") != std::string::npos, text.find("\"time_ns\":") != std::string::npos,
            false};
  std::istringstream lines{text};
  std::string head;
  std::string first;
  std::getline(lines, head);
  std::getline(lines, first);
  const std::vector<std::string> names = cells_of(head);
  return {text.find("0x") != std::string::npos, !CsvLine{names, cells_of(first)}.word("time_ns").empty(),
          false};
}

void import_events(std::istream& lines, EventText kind, const std::string& path, trace::Writer& to,
                   Progress& progress) {
  std::vector<std::string> names;
  Numbering numbering;
  std::size_t number = 0;
  std::size_t done = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    progress.at(done += line.size() + 1);
    if (line.empty()) continue;
    if (kind == EventText::csv && names.empty()) {
      names = cells_of(line);
      continue;
    }
    try {
      if (kind == EventText::csv) numbering.append(CsvLine{names, cells_of(line)}, to);
      if (kind == EventText::json) numbering.append(JsonLine{line}, to);
    } catch (const std::invalid_argument& error) {
      refuse(path, number, fmt::format("there is no event in it, for its {}", error.what()));
    } catch (const nlohmann::json::exception&) {
      refuse(path, number, "this is no JSON object of an event");
    }
  }
}

}  // namespace basalt::tool
