#include "roff.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace basalt::manual {

namespace {

// Returns: the number of the letter at `at`, which moves behind it.
[[nodiscard]] std::uint32_t letter_at(std::string_view text, std::size_t& at) {
  const auto first = static_cast<unsigned char>(text[at++]);
  if (first < 0x80) return first;
  const int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
  std::uint32_t letter = first & (0x3fU >> more);
  for (int i = 0; i != more && at != text.size(); ++i)
    letter = letter << 6 | (static_cast<unsigned char>(text[at++]) & 0x3f);
  return letter;
}

// A hyphen as one types it, and nothing that roff would take for a request.
[[nodiscard]] std::string escaped(std::string_view text) {
  std::string all;
  for (std::size_t at = 0; at != text.size();) {
    const std::uint32_t letter = letter_at(text, at);
    if (letter == '\\') {
      all += "\\e";
    } else if (letter == '-') {
      all += "\\-";
    } else if (letter >= 0x80) {
      all += fmt::format("\\[u{:04X}]", letter);
    } else {
      all += static_cast<char>(letter);
    }
  }
  if (!all.empty() && (all.front() == '.' || all.front() == '\'')) all.insert(0, "\\&");
  return all;
}

[[nodiscard]] std::string capitals(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char letter) {
    return letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter;
  });
  return text;
}

}  // namespace

Page::Page(std::string name, int section, const std::string& version) : name_{std::move(name)} {
  roff_ =
      fmt::format(".TH {} {} \"\" \"Basalt {}\" \"Basalt\"\n", escaped(capitals(name_)), section, version);
}

void Page::name(const std::string& summary) {
  section("NAME");
  std::string begun = summary;
  if (begun.size() > 1 && begun[0] >= 'A' && begun[0] <= 'Z')
    begun[0] = static_cast<char>(begun[0] - 'A' + 'a');
  roff_ += escaped(name_) + " \\- " + escaped(begun) + "\n";
}

void Page::section(const std::string& title) { roff_ += fmt::format(".SH \"{}\"\n", title); }

void Page::text(const std::string& words) {
  roff_ += ".PP\n";
  paragraph(words);
}

void Page::line(const std::vector<Part>& parts) { add(parts); }

void Page::item(const std::vector<Part>& head, const std::string& words) {
  roff_ += ".TP\n";
  add(head);
  paragraph(words);
}

void Page::sample(const std::string& lines) {
  roff_ += ".EX\n";
  for (std::size_t at = 0; at < lines.size();) {
    const std::size_t end = std::min(lines.find('\n', at), lines.size());
    roff_ += escaped(std::string_view{lines}.substr(at, end - at)) + "\n";
    at = end + 1;
  }
  roff_ += ".EE\n";
}

void Page::paragraph(const std::string& words) {
  std::string flat = words;
  std::replace(flat.begin(), flat.end(), '\n', ' ');
  roff_ += escaped(flat) + "\n";
}

void Page::add(const std::vector<Part>& parts) {
  constexpr const char* faces[] = {"\\fR", "\\fB", "\\fI"};
  std::string all;
  for (const Part& part : parts) {
    if (part.text.empty()) continue;
    all += (all.empty() ? "" : " ") + std::string{faces[static_cast<std::size_t>(part.face)]} +
           escaped(part.text) + "\\fR";
  }
  roff_ += all + "\n";
}

}  // namespace basalt::manual
