// Pages of HTML that need nothing but themselves and no network, by day and by night, on any width of screen. They print well, too.
#pragma once

#include <functional>
#include <limits>
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
// Returns: the curves over one axis, from 0, with a legend; the first one, which the others are held against, is thin.
[[nodiscard]] std::string curves_html(const std::vector<Curve>& curves, const std::string& x_name,
                                      const Label& x_label, const Label& y_label);

struct Bar {
  std::string name;
  double value, low, high;  // low == high: nothing is known of its uncertainty
  std::string label;
};
// Bars that would be longer than `longest` are cut there, and say so by an arrow.
[[nodiscard]] std::string bars_html(const std::vector<Bar>& bars,
                                    double longest = std::numeric_limits<double>::infinity());

// A box of a flame graph. The boxes of a row stand side by side in the order of the list.
struct Flame {
  std::string name;
  double value = 0;
  std::vector<Flame> above;  // their values add up to this one's at most
};
// Returns: the root at the bottom; a click makes a box as wide as the page. What is too narrow to be seen even then is left out.
[[nodiscard]] std::string flame_html(const Flame& root, const Label& label);

}  // namespace basalt::tool
