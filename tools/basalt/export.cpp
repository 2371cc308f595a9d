#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_map>
#include <utility>

#include "analysis/analysis.hpp"
#include "commands.hpp"
#include "console.hpp"
#include "new_file.hpp"
#include "open_trace.hpp"
#include "pprof.hpp"
#include "record/live_map.hpp"
#include "symbols/symbols.hpp"

namespace basalt::tool {

namespace {

using trace::Event;
using trace::Op;

struct Wishes {
  std::string path, to, output = "-", at = "peak";
};

// Where the result goes: a file, or stdout.
class Output {
 public:
  explicit Output(const std::string& path) : path_{path} {
    if (path == "-") return;
    file_ = std::fopen(new_.emplace(path).part().c_str(), "wbe");
    if (file_ == nullptr) throw UserError(path + " cannot be written", "name another file with -o");
  }
  ~Output() {
    if (file_ != nullptr && file_ != stdout) std::fclose(file_);
  }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  // Whether what is written is looked at while it comes.
  [[nodiscard]] bool is_screen() const { return file_ == stdout && ::isatty(STDOUT_FILENO) != 0; }
  void write(const std::string& text) { std::fwrite(text.data(), 1, text.size(), file_); }
  void finish() {
    bool failed = std::ferror(file_) != 0 || std::fflush(file_) != 0;
    if (file_ != stdout) failed |= std::fclose(std::exchange(file_, nullptr)) != 0;
    if (failed)
      throw UserError(path_ + " could not be written as a whole", "make room, or name another file with -o");
    if (new_) new_->keep();
  }

 private:
  std::string path_;
  std::optional<NewFile> new_;  // none of stdout
  std::FILE* file_ = stdout;
};

// Blocks by small numbers that are used again, as the malloc lab wants them.
class Ids {
 public:
  std::uint64_t take(std::uint64_t block) {
    std::uint64_t id = count_;
    if (free_.empty()) {
      ++count_;
    } else {
      id = free_.back();
      free_.pop_back();
    }
    live_.put((block + 1) << 4, {id, 0});
    return id;
  }
  std::uint64_t end(std::uint64_t block) {
    const std::uint64_t id = live_.take((block + 1) << 4).value_or(record::LiveBlock{}).number;
    free_.push_back(id);
    return id;
  }
  std::uint64_t move(std::uint64_t ended, std::uint64_t begun) {
    const std::uint64_t id = live_.take((ended + 1) << 4).value_or(record::LiveBlock{}).number;
    live_.put((begun + 1) << 4, {id, 0});
    return id;
  }
  [[nodiscard]] std::uint64_t count() const { return count_; }

 private:
  record::LiveMap live_;
  std::vector<std::uint64_t> free_;
  std::uint64_t count_ = 0;
};

[[nodiscard]] std::string rep_line(const Event& event, Ids& ids) {
  if (event.op == Op::free) return fmt::format("f {}\n", ids.end(event.ended));
  if (event.op == Op::reallocate)
    return fmt::format("r {} {}\n", ids.move(event.ended, event.block), event.size);
  if (trace::begins_block(event.op)) return fmt::format("a {} {}\n", ids.take(event.block), event.size);
  return "";
}

// The head of the format has figures that are known only at the end: so the trace is read twice.
void export_rep(trace::Reader& reader, Output& out) {
  Ids counted;
  std::uint64_t lines = 0;
  Progress progress{"counting", reader.totals().events};
  for_each_event(reader, progress, [&](std::uint64_t, const Event& event) {
    lines += rep_line(event, counted).empty() ? 0 : 1;
  });
  out.write(fmt::format("{}\n{}\n{}\n1\n", reader.totals().peak_bytes, counted.count(), lines));
  Ids ids;
  Progress writing{"writing", reader.totals().events, !out.is_screen()};
  for_each_event(reader, writing,
                 [&](std::uint64_t, const Event& event) { out.write(rep_line(event, ids)); });
}

void export_csv(trace::Reader& reader, Output& out) {
  out.write("event,op,thread,block,ended,size,alignment,pointer,time_ns,stack\n");
  Progress progress{"writing", reader.totals().events, !out.is_screen()};
  for_each_event(reader, progress, [&](std::uint64_t number, const Event& event) {
    const bool begins = trace::begins_block(event.op);
    out.write(fmt::format(
        "{},{},{},{},{},{},{},{},{},{}\n", number, trace::op_names[static_cast<std::size_t>(event.op)],
        event.thread, begins ? std::to_string(event.block) : "",
        trace::ends_block(event.op) ? std::to_string(event.ended) : "",
        begins ? std::to_string(event.size) : "", begins ? std::to_string(1ULL << event.alignment_log2) : "",
        event.pointer != 0 ? fmt::format("{:#x}", event.pointer) : "",
        reader.header().columns.times ? std::to_string(event.time) : "",
        event.stack != 0 ? std::to_string(event.stack) : ""));
  });
}

void export_json(trace::Reader& reader, Output& out) {
  Progress progress{"writing", reader.totals().events, !out.is_screen()};
  for_each_event(reader, progress, [&](std::uint64_t number, const Event& event) {
    nlohmann::json line{{"event", number},
                        {"op", trace::op_names[static_cast<std::size_t>(event.op)]},
                        {"thread", event.thread}};
    if (trace::begins_block(event.op)) line["block"] = event.block, line["size"] = event.size;
    if (event.op == Op::allocate_aligned) line["alignment"] = 1ULL << event.alignment_log2;
    if (trace::ends_block(event.op)) line["ended"] = event.ended;
    if (event.stack != 0) line["stack"] = event.stack;
    if (event.pointer != 0) line["pointer"] = event.pointer;
    if (reader.header().columns.times) line["time_ns"] = event.time;
    out.write(line.dump() + "\n");
  });
}

[[nodiscard]] analysis::Findings findings_of(trace::Reader& reader, const Wishes& wishes) {
  if (!reader.header().columns.stacks)
    throw UserError(wishes.path + " has no stacks", "record it with --unwind fp");
  const std::uint64_t events = reader.totals().events;
  const std::uint64_t moment = wishes.at == "peak" ? analysis::peak_event(reader)
                               : events == 0       ? 0
                                                   : events - 1;
  Progress progress{"reading " + wishes.path, events};
  return analysis::analyse(reader, moment, [&](std::uint64_t done) { progress.at(done); });
}

// A line for each stack, the outermost call first, and the bytes that are live.
void export_collapsed(trace::Reader& reader, const Wishes& wishes, Output& out) {
  const analysis::Findings found = findings_of(reader, wishes);
  symbols::Symbolizer names{reader.tables()};
  for (std::uint32_t stack = 0; stack != found.sites.size(); ++stack) {
    if (found.sites[stack].chosen.bytes == 0) continue;
    auto frames = names.stack(stack);
    std::reverse(frames.begin(), frames.end());
    std::string line;
    for (const symbols::Frame& frame : frames) {
      std::string name = frame.function;
      std::replace(name.begin(), name.end(), ';', ':');
      line += (line.empty() ? "" : ";") + name;
    }
    out.write(fmt::format("{} {}\n", line.empty() ? "(not known)" : line, found.sites[stack].chosen.bytes));
  }
}

[[nodiscard]] std::string next_after(const Wishes& wishes) {
  const std::string output = shell_text({wishes.output});
  if (wishes.to == "pprof") return fmt::format("pprof -http : {0} · go tool pprof -top {0}", output);
  if (wishes.to == "collapsed")
    return fmt::format("flamegraph.pl {} > {}", output, shell_text({wishes.output + ".svg"}));
  if (wishes.to == "rep") return "basalt import " + output;
  return "basalt report " + shell_text({wishes.path});
}

int export_trace(const Wishes& wishes) {
  trace::Reader reader = open_trace(wishes.path);
  Output out{wishes.output};
  if (wishes.to == "rep") export_rep(reader, out);
  if (wishes.to == "csv") export_csv(reader, out);
  if (wishes.to == "json") export_json(reader, out);
  if (wishes.to == "collapsed") export_collapsed(reader, wishes, out);
  if (wishes.to == "pprof") {
    const analysis::Findings found = findings_of(reader, wishes);
    symbols::Symbolizer names{reader.tables()};
    out.write(as_pprof(found, reader.tables(), names));
  }
  out.finish();
  mention_damage(reader, wishes.path);
  if (wishes.output != "-") suggest(next_after(wishes));
  return success;
}

}  // namespace

Action describe_export(Options page) {
  const auto wishes = std::make_shared<Wishes>();
  page.add_option("FILE", wishes->path, "a trace").required();
  page.add_option("--to", wishes->to,
                  "pprof (gzipped), collapsed (stacks with the bytes that are live), rep (of the malloc "
                  "lab), csv, json (an event a line)")
      .takes("WORD")
      .required()
      .one_of({"pprof", "collapsed", "rep", "csv", "json"});
  page.add_option("-o,--output", wishes->output, "where to; - is stdout").takes("FILE").shows_default();
  page.add_option("--at", wishes->at, "of which moment stacks are: peak, or end")
      .takes("WORD")
      .one_of({"peak", "end"})
      .shows_default();
  return [wishes] { return export_trace(*wishes); };
}

}  // namespace basalt::tool
