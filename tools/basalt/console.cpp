#include "console.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace basalt::tool {

namespace {

// As no-color.org has it: an empty value says nothing.
[[nodiscard]] bool colour_is_minded() {
  const char* const wish = std::getenv("NO_COLOR");
  return wish != nullptr && *wish != 0;
}

[[nodiscard]] std::uint64_t now_ns() {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                        std::chrono::steady_clock::now().time_since_epoch())
                                        .count());
}

// How many letters a terminal shows.
[[nodiscard]] std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char letter) {
    return (static_cast<unsigned char>(letter) & 0xc0) != 0x80;
  }));
}

}  // namespace

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array units{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; value >= 1023.95 && unit + 1 != units.size(); ++unit) value /= 1024;
  return fmt::format("{:.1f} {}", value, units[unit]);
}

std::string count_text(std::uint64_t count) {
  if (count < 10'000) return fmt::format("{}", count);
  constexpr std::array units{"k", "M", "G", "T", "P"};
  double value = static_cast<double>(count) / 1000;
  std::size_t unit = 0;
  for (; value >= 999.95 && unit + 1 != units.size(); ++unit) value /= 1000;
  return fmt::format("{:.1f} {}", value, units[unit]);
}

std::string time_text(double nanoseconds) {
  constexpr std::array units{"ns", "µs", "ms", "s"};
  std::size_t unit = 0;
  for (; nanoseconds >= 999.5 && unit + 1 != units.size(); ++unit) nanoseconds /= 1000;
  return fmt::format("{:.{}f} {}", nanoseconds, nanoseconds < 9.995 ? 2 : 1, units[unit]);
}

std::uint64_t parse_bytes(const std::string& text) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  std::string unit{end};
  if (!unit.empty() && unit.back() == 'B') unit.pop_back();
  if (!unit.empty() && unit.back() == 'i') unit.pop_back();
  constexpr std::string_view letters = "KMGT";
  double factor = 1;
  const std::size_t letter = unit.empty() ? 0 : letters.find(unit[0]);
  if (!unit.empty()) {
    if (unit.size() > 1 || letter == std::string_view::npos) factor = -1;
    for (std::size_t i = 0; factor > 0 && i <= letter; ++i) factor *= 1024;
  }
  const double bytes = number * factor;
  if (end == text.c_str() || !(bytes >= 0) || bytes > 1e18)
    throw UserError(fmt::format("{} is no size", text),
                    "write bytes, or a number with K, M, G or T behind it, as in 64M");
  return static_cast<std::uint64_t>(bytes);
}

std::uint64_t parse_count(const std::string& text) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  const std::string unit = end;
  double factor = -1;
  for (const auto& [name, value] : {std::pair{"", 1.0}, {"k", 1e3}, {"K", 1e3}, {"M", 1e6}, {"G", 1e9}}) {
    if (unit == name) factor = value;
  }
  if (end == text.c_str() || factor < 0 || !(number >= 0) || number * factor > 1e18)
    throw UserError(fmt::format("{} is no count", text),
                    "write a number, or one with K, M or G behind it for thousands and so on, as in 5K");
  return static_cast<std::uint64_t>(std::llround(number * factor));
}

std::uint64_t parse_nanoseconds(const std::string& text) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  const std::string unit = end;
  double factor = -1;
  for (const auto& [name, ns] :
       {std::pair{"s", 1e9}, {"", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1.0}, {"m", 60e9}, {"h", 3600e9}}) {
    if (unit == name) factor = ns;
  }
  if (end == text.c_str() || factor < 0 || !(number >= 0) || number * factor > 1e18)
    throw UserError(fmt::format("{} is no time", text), "write it as in 60s, 1.5s or 200ms");
  return static_cast<std::uint64_t>(number * factor);
}

std::string shell_text(const std::vector<std::string>& command) {
  std::string all;
  for (const std::string& word : command) {
    if (!all.empty()) all += ' ';
    const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](char letter) {
      return std::isalnum(static_cast<unsigned char>(letter)) != 0 ||
             std::string_view{"_-./=+:,@%"}.find(letter) != std::string_view::npos;
    });
    if (plain) {
      all += word;
      continue;
    }
    all += '\'';
    for (const char letter : word) all += letter == '\'' ? std::string{"'\\''"} : std::string{letter};
    all += '\'';
  }
  return all;
}

std::string styled(Style style, const std::string& text) {
  static const bool plain = ::isatty(STDOUT_FILENO) == 0 || colour_is_minded();
  constexpr std::array codes{"", "\033[1m", "\033[2m", "\033[32m", "\033[31m"};
  if (plain || style == Style::plain) return text;
  return codes[static_cast<std::size_t>(style)] + text + "\033[0m";
}

Progress::Progress(std::string what, std::uint64_t total, bool wanted)
    : what_{std::move(what)},
      total_{std::max<std::uint64_t>(total, 1)},
      begun_ns_{now_ns()},
      visible_{wanted && ::isatty(STDERR_FILENO) != 0} {}

Progress::~Progress() {
  if (shown_ns_ != 0) std::fputs("\r\033[K", stderr);
}

void Progress::at(std::uint64_t done) {
  const std::uint64_t now = now_ns();
  if (!visible_ || now - std::max(shown_ns_, begun_ns_) < 200'000'000) return;
  shown_ns_ = now;
  const double part = std::min(1.0, static_cast<double>(done) / static_cast<double>(total_));
  const double passed = static_cast<double>(now - begun_ns_);
  const std::string left = part < 0.01 ? "" : ", " + time_text(passed / part * (1 - part)) + " left";
  fmt::print(stderr, "\r\033[K{}: {:.0f} %{}", what_, 100 * part, left);
  std::fflush(stderr);
}

std::string Table::text() const {
  std::vector<std::size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i != row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }
  std::string all;
  for (std::size_t r = 0; r != rows_.size(); ++r) {
    std::string line;
    for (std::size_t i = 0; i != rows_[r].size(); ++i) {
      const std::string& cell = rows_[r][i];
      const std::string space(widths[i] - width(cell), ' ');
      line += (i == 0 ? "" : "  ") + (i == 0 ? cell + space : space + cell);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    all += (r == 0 ? styled(Style::strong, line) : line) + "\n";
  }
  return all;
}

void suggest(const std::string& next) {
  std::fflush(stdout);
  fmt::print(stderr, "next: {}\n", next);
}

void complain(const std::string& what, const std::string& next) {
  fmt::print(stderr, "basalt: {}\n", what);
  if (!next.empty()) fmt::print(stderr, "  {}\n", next);
}

}  // namespace basalt::tool
