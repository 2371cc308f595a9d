// Pages of HTML that need nothing but themselves: no script, no network, pictures as SVG. They print well, too.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace basalt::tool {

[[nodiscard]] std::string html_text(const std::string& plain);

class Page {
 public:
  explicit Page(std::string title) : title_{std::move(title)} {}
  void heading(const std::string& words);
  void text(const std::string& words);
  void add(const std::string& html) { body_ += html; }
  [[nodiscard]] std::string html() const;

 private:
  std::string title_;
  std::string body_;
};

// The first row is the heading.
[[nodiscard]] std::string html_table(const std::vector<std::vector<std::string>>& rows);

struct Curve {
  std::string name;
  struct Point {
    double x, y;
  };
  std::vector<Point> points;
};
using Label = std::function<std::string(double)>;
// Returns: the curves over one axis, from 0, with a legend.
[[nodiscard]] std::string curves_svg(const std::vector<Curve>& curves, const std::string& x_name,
                                     const Label& x_label, const Label& y_label);

struct Bar {
  std::string name;
  double value, low, high;  // low == high: nothing is known of its uncertainty
  std::string label;
};
[[nodiscard]] std::string bars_svg(const std::vector<Bar>& bars);

// A box of a flame graph. The boxes of a row stand side by side in the order of the list.
struct Flame {
  std::string name;
  double value = 0;
  std::vector<Flame> above;  // their values add up to this one's at most
};
// Returns: the root at the bottom; what is too narrow to be seen is left out.
[[nodiscard]] std::string flame_svg(const Flame& root, const Label& label);

}  // namespace basalt::tool
