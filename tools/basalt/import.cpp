#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <unordered_map>

#include "commands.hpp"
#include "console.hpp"
#include "import_events.hpp"
#include "new_file.hpp"
#include "open_trace.hpp"
#include "trace/writer.hpp"

namespace basalt::tool {

namespace {

using trace::Event;
using trace::Op;

struct Wishes {
  std::string path, output;
  bool as_json = false;
};

// Writes events by the names that another format has for blocks.
class Importer {
 public:
  explicit Importer(trace::Writer& writer) : writer_{writer} {}

  void begin(std::uint64_t name, std::uint64_t size) {
    Event event;
    event.size = size;
    live_[name].push_back({writer_.append(event), size});
  }

  // Formats that know blocks only by what they have in common mean any of those: the youngest is taken.
  void end(std::uint64_t name) {
    Event event;
    const auto found = live_.find(name);
    if (found == live_.end() || found->second.empty()) {
      event.op = Op::free_unknown;
      writer_.append(event);
      return;
    }
    const Live block = found->second.back();
    found->second.pop_back();
    event.op = Op::free;
    event.ended = block.number;
    writer_.append(event, block.size);
  }

  void resize(std::uint64_t name, std::uint64_t size) {
    const auto found = live_.find(name);
    if (found == live_.end() || found->second.empty()) return begin(name, size);
    Event event;
    event.op = Op::reallocate;
    event.size = size;
    event.ended = found->second.back().number;
    const std::uint64_t before = found->second.back().size;
    found->second.back() = {writer_.append(event, before), size};
  }

 private:
  struct Live {
    std::uint64_t number, size;
  };
  trace::Writer& writer_;
  std::unordered_map<std::uint64_t, std::vector<Live>> live_;
};

[[noreturn]] void refuse(const std::string& path, std::size_t line, const char* what) {
  throw UserError(fmt::format("{}, line {}: {}", path, line, what),
                  "basalt import reads .rep files of the malloc lab, files of heaptrack, and what basalt "
                  "export writes as csv or json");
}

[[noreturn]] void damaged(const std::string& path) {
  throw UserError(path + " is damaged, or was not written to its end",
                  "what lies before the damage is not read: record it anew");
}

[[nodiscard]] std::string unpacked_zstd(const std::string& raw, const std::string& path) {
  const std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> context{ZSTD_createDCtx(), ZSTD_freeDCtx};
  ZSTD_inBuffer in{raw.data(), raw.size(), 0};
  std::string all;
  std::string part(1 << 18, '\0');
  std::size_t left = 0;  // to come: 0 at the end of a frame
  while (in.pos != in.size || left != 0) {
    ZSTD_outBuffer out{part.data(), part.size(), 0};
    left = ZSTD_decompressStream(context.get(), &out, &in);
    if (ZSTD_isError(left) != 0 || (in.pos == in.size && left != 0 && out.pos < out.size)) damaged(path);
    all.append(part, 0, out.pos);
  }
  return all;
}

// heaptrack writes gzip or zstd; zlib reads plain files as well.
[[nodiscard]] std::string contents(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  std::string raw{std::istreambuf_iterator<char>{file}, {}};
  if (raw.starts_with("\x28\xb5\x2f\xfd")) return unpacked_zstd(raw, path);
  if (!raw.starts_with("\x1f\x8b")) return raw;
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> packed{gzopen(path.c_str(), "rb"), gzclose};
  std::string all;
  std::string part(1 << 18, '\0');
  for (int got = 1; packed != nullptr && got > 0;) {
    got = gzread(packed.get(), part.data(), static_cast<unsigned>(part.size()));
    if (got > 0) all.append(part, 0, static_cast<std::size_t>(got));
  }
  int error = Z_OK;
  if (packed == nullptr || (gzerror(packed.get(), &error), error != Z_OK)) damaged(path);
  return all;
}

// A number that is not negative: `>>` would take -5 for a large one.
[[nodiscard]] bool read(std::istream& words, std::uint64_t& number) {
  return (words >> std::ws) && words.peek() != '-' && (words >> number);
}

// Four numbers, and then `a ID SIZE`, `r ID SIZE`, `f ID` a line.
void import_rep(std::istream& lines, const std::string& path, Importer& to, Progress& progress) {
  std::size_t number = 0, done = 0, figures = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    progress.at(done += line.size() + 1);
    std::istringstream words{line};
    for (std::uint64_t figure = 0; figures != 4 && words >> figure;) ++figures;
    char op = 0;
    std::uint64_t id = 0, size = 0;
    if (figures != 4 || !(words >> op)) continue;
    if (std::strchr("arf", op) == nullptr || !read(words, id) || (op != 'f' && !read(words, size)))
      refuse(path, number, "this is no line of a .rep file");
    if (op == 'a') to.begin(id, size);
    if (op == 'r') to.resize(id, size);
    if (op == 'f') to.end(id);
  }
}

// Two kinds, both in hexadecimal. As it is recorded: `+ SIZE TRACE POINTER` and `- POINTER`. As heaptrack interprets it: `a SIZE TRACE` names
// a kind of block, `+ KIND` and `- KIND` say that there is one more or less.
void import_heaptrack(std::istream& lines, const std::string& path, Importer& to, Progress& progress) {
  std::vector<std::uint64_t> kinds;
  std::size_t number = 0, done = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    progress.at(done += line.size() + 1);
    if (line.size() < 2 || line[1] != ' ' || (line[0] != 'a' && line[0] != '+' && line[0] != '-')) continue;
    std::istringstream words{line.substr(2)};
    words >> std::hex;
    std::vector<std::uint64_t> values;
    for (std::uint64_t value = 0; words >> value;) values.push_back(value);
    if (values.empty()) refuse(path, number, "this is no line of heaptrack");
    if (line[0] == 'a') {
      kinds.push_back(values[0]);
    } else if (line[0] == '-') {
      to.end(values[0]);
    } else if (values.size() == 3) {
      to.begin(values[2], values[0]);
    } else if (values[0] < kinds.size()) {
      to.begin(values[0], kinds[static_cast<std::size_t>(values[0])]);
    } else {
      refuse(path, number, "it is of a kind that was not named before");
    }
  }
}

[[nodiscard]] bool is_rep(const std::string& text) {
  std::istringstream words{text.substr(0, 4096)};
  std::int64_t figure = 0;
  for (int i = 0; i != 4; ++i) {
    if (!(words >> figure)) return false;
  }
  return true;
}

// heaptrack keeps the command on a line of its own, without quotes; a .rep has none.
[[nodiscard]] std::vector<std::string> command_in(const std::string& text, const std::string& path) {
  const std::size_t at = text.starts_with("v ") ? text.find("\nX ") : std::string::npos;
  if (at == std::string::npos) return {path};
  std::istringstream words{text.substr(at + 3, text.find('\n', at + 3) - at - 3)};
  return {std::istream_iterator<std::string>{words}, {}};
}

enum class Format : std::uint8_t { unknown, rep, heaptrack, events };

[[nodiscard]] Format format_of(const std::string& text) {
  if (text.starts_with("v ") && text.find('\n') != std::string::npos) return Format::heaptrack;
  if (event_text(text) != EventText::none) return Format::events;
  return is_rep(text) ? Format::rep : Format::unknown;
}

void import_text(const std::string& text, Format format, const std::string& path, trace::Writer& writer) {
  std::istringstream lines{text};
  Progress progress{"reading " + path, text.size()};
  Importer to{writer};
  if (format == Format::rep) import_rep(lines, path, to, progress);
  if (format == Format::heaptrack) import_heaptrack(lines, path, to, progress);
  if (format == Format::events) import_events(lines, event_text(text), path, writer, progress);
}

int import_file(Wishes& wishes) {
  require_file(wishes.path,
               "name a file of heaptrack, a .rep of the malloc lab, or what basalt export wrote");
  const std::string text = contents(wishes.path);
  const Format format = format_of(text);
  if (format == Format::unknown) refuse(wishes.path, 1, "this is no format that is known");
  if (wishes.output.empty())
    wishes.output = std::filesystem::path{wishes.path}.filename().string() + ".trace";
  const trace::Columns columns =
      format == Format::events ? event_columns(text, event_text(text)) : trace::Columns{};
  NewFile file{wishes.output};
  trace::Writer writer{file.part(),
                       {command_in(text, wishes.path), "basalt import " BASALT_VERSION, 0, columns}};
  if (!writer.error().empty())
    throw UserError(fmt::format("{} cannot be written: {}", wishes.output, writer.error()),
                    "name another file with -o");
  import_text(text, format, wishes.path, writer);
  writer.finish(trace::Ending::complete);
  if (!writer.error().empty())
    throw UserError("the trace could not be written: " + writer.error(), "make room, and try again");
  file.keep();
  const trace::Totals& totals = writer.totals();
  if (wishes.as_json) {
    const nlohmann::json page{{"kind", "basalt import"},         {"file", wishes.output},
                              {"events", totals.events},         {"blocks_begun", totals.blocks_begun},
                              {"peak_bytes", totals.peak_bytes}, {"unknown_frees", totals.unknown_frees}};
    fmt::print("{}\n", page.dump(2));
    return success;
  }
  fmt::print(stderr, "basalt: {} events, {} live at the peak, in {}\n", count_text(totals.events),
             bytes_text(totals.peak_bytes), wishes.output);
  if (totals.blocks_begun != 0) suggest("basalt replay " + shell_text({wishes.output}));
  return success;
}

}  // namespace

Action describe_import(Options page) {
  const auto wishes = std::make_shared<Wishes>();
  page.add_option("FILE", wishes->path,
                  "of heaptrack (as recorded or as interpreted, gzip, zstd or plain), a .rep of the malloc "
                  "lab, or csv or json of basalt export")
      .required();
  page.add_option("-o,--output", wishes->output, "the trace; by default FILE.trace here").takes("FILE");
  page.add_flag("--json", wishes->as_json, "what came of it as one JSON object");
  return [wishes] { return import_file(*wishes); };
}

}  // namespace basalt::tool
