// A page of the manual, in the macros that man(7) describes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace basalt::manual {

class Page {
 public:
  enum class Face : std::uint8_t { plain, strong, variable };
  struct Part {
    std::string text;
    Face face = Face::plain;
  };

  Page(std::string name, int section, const std::string& version);

  void name(const std::string& summary);  // the section that apropos(1) reads
  void section(const std::string& title);
  void text(const std::string& words);  // a paragraph; ends of lines are blanks
  void line(const std::vector<Part>& parts);
  void item(const std::vector<Part>& head, const std::string& words);
  void sample(const std::string& lines);  // as it is, line by line

  [[nodiscard]] std::string roff() const { return roff_; }

 private:
  void paragraph(const std::string& words);
  void add(const std::vector<Part>& parts);

  std::string name_, roff_;
};

}  // namespace basalt::manual
