// How the tool speaks: results to stdout, chatter to stderr, and every complaint says what to do next.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace basalt::tool {

// Something that only the user can mend.
class UserError : public std::runtime_error {
 public:
  UserError(const std::string& what, std::string next) : std::runtime_error{what}, next_{std::move(next)} {}
  [[nodiscard]] const std::string& next() const noexcept { return next_; }

 private:
  std::string next_;
};

// 12.3 MiB, and below a KiB plain bytes.
[[nodiscard]] std::string bytes_text(std::uint64_t bytes);
// 12.4 M, and below ten thousand plain.
[[nodiscard]] std::string count_text(std::uint64_t count);
[[nodiscard]] std::string time_text(double nanoseconds);
// `64M`, `1.5GiB`, `4096`.  Throws: UserError.
[[nodiscard]] std::uint64_t parse_bytes(const std::string& text);

// `5000`, `5K` for as many, `1.5M`.  Throws: UserError.
[[nodiscard]] std::uint64_t parse_count(const std::string& text);

// `1.5s`, `200ms`, `2m`.  Throws: UserError.
[[nodiscard]] std::uint64_t parse_nanoseconds(const std::string& text);

// As a shell would have to be given it.
[[nodiscard]] std::string shell_text(const std::vector<std::string>& command);

enum class Style : std::uint8_t { plain, strong, faint, good, bad };
// Returns: the text in that style if stdout is a terminal and NO_COLOR is not set, or empty, else as it is.
[[nodiscard]] std::string styled(Style style, const std::string& text);

// A bar on stderr while long work is done, if that is a terminal; else nothing.
class Progress {
 public:
  Progress(std::string what, std::uint64_t total, bool wanted = true);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void at(std::uint64_t done);

 private:
  std::string what_;
  std::uint64_t total_;
  std::uint64_t begun_ns_;
  std::uint64_t shown_ns_ = 0;
  bool visible_;
};

// A table with a heading: the first column to the left, the others to the right.
class Table {
 public:
  explicit Table(std::vector<std::string> heading) : rows_{std::move(heading)} {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  [[nodiscard]] std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// Effects: a line on stderr, behind all that was printed so far, that says what to type next.
void suggest(const std::string& next);

// Effects: the two lines on stderr.
void complain(const std::string& what, const std::string& next);

}  // namespace basalt::tool
