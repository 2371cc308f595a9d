#include "page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>

#include "page_style.hpp"

namespace basalt::tool {

namespace {

// The next larger power of two: bytes are read in KiB and MiB.
[[nodiscard]] double round_up(double bytes) { return std::exp2(std::ceil(std::log2(std::max(bytes, 1.0)))); }

// The next larger of 1, 2, 5, 10, 20, 50: as events are read.
[[nodiscard]] double round_up_decimal(double value) {
  const double power = std::pow(10, std::floor(std::log10(std::max(value, 1.0))));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (value <= factor * power) return factor * power;
  }
  return 10 * power;
}

}  // namespace

std::string html_text(const std::string& plain) {
  std::string text;
  for (const char letter : plain) {
    switch (letter) {
      case '<':
        text += "&lt;";
        break;
      case '>':
        text += "&gt;";
        break;
      case '&':
        text += "&amp;";
        break;
      case '"':
        text += "&quot;";
        break;
      default:
        text += letter;
    }
  }
  return text;
}

void Page::heading(const std::string& words) { body_ += fmt::format("<h2>{}</h2>\n", html_text(words)); }
void Page::text(const std::string& words) { body_ += fmt::format("<p>{}</p>\n", html_text(words)); }

std::string Page::html() const {
  const bool has_flames = body_.find("class=\"flame\"") != std::string::npos;
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width,initial-scale=1\">"
      "<title>{0}</title>\n<style>{1}</style></head>\n<body><h1>{0}</h1>\n{2}{3}</body></html>\n",
      html_text(title_), page_style, body_,
      has_flames ? fmt::format("<script>{}</script>\n", flame_script) : "");
}

std::string html_table(const std::vector<std::vector<std::string>>& rows) {
  std::string html = "<table>\n";
  for (std::size_t r = 0; r != rows.size(); ++r) {
    html += "<tr>";
    for (const std::string& cell : rows[r])
      html += fmt::format("<{0}>{1}</{0}>", r == 0 ? "th" : "td", html_text(cell));
    html += "</tr>\n";
  }
  return html + "</table>\n";
}

namespace {

constexpr std::size_t curve_colours = 7;

// What tells a curve from the others: a colour, and dashes where there are no more colours.
[[nodiscard]] std::string look_of(std::size_t curve, const char* more) {
  return fmt::format("style=\"--c:var(--c{})\" class=\"{}{}\"", curve % curve_colours, more,
                     curve >= curve_colours ? " again" : "");
}

[[nodiscard]] std::string legend_of(const std::vector<Curve>& curves) {
  std::string html = "<p class=\"legend\">";
  for (std::size_t i = 0; i != curves.size(); ++i)
    html += fmt::format(
        "<span><svg viewBox=\"0 0 26 8\"><line {} x1=\"0\" x2=\"26\" y1=\"4\" y2=\"4\"/></svg>{}</span>\n",
        look_of(i, ""), html_text(curves[i].name));
  return html + "</p>\n";
}

// The picture is stretched over its place, so what is written stands beside it.
[[nodiscard]] std::string grid(double top, double step, double most_x, const Label& x_label,
                               const Label& y_label) {
  std::string lines, words;
  for (double value = 0; value <= top; value += step) {
    const double y = 100 * (1 - value / top);
    lines += fmt::format("<line x1=\"0\" x2=\"100\" y1=\"{0:.3f}\" y2=\"{0:.3f}\"/>", y);
    words += fmt::format("<span class=\"y\" style=\"top:{:.2f}%\">{}</span>", y, html_text(y_label(value)));
  }
  const double x_step = round_up_decimal(most_x / 5);
  for (double x = 0; x <= most_x; x += x_step)
    words += fmt::format("<span class=\"x\" style=\"left:{:.2f}%\">{}</span>", 100 * x / most_x,
                         html_text(x_label(x)));
  return words +
         "\n<svg viewBox=\"0 0 100 100\" preserveAspectRatio=\"none\" role=\"img\" "
         "aria-label=\"curves\">" +
         lines + "\n";
}

}  // namespace

std::string curves_html(const std::vector<Curve>& curves, const std::string& x_name, const Label& x_label,
                        const Label& y_label) {
  double most_x = 1, most_y = 1;
  for (const Curve& curve : curves) {
    for (const Curve::Point& point : curve.points)
      most_x = std::max(most_x, point.x), most_y = std::max(most_y, point.y);
  }
  // Up to four steps of a power of two each: their labels are exact with one digit behind the point.
  const double step = round_up(most_y / 4), top = most_y * 1.03;
  std::string html = fmt::format("<div class=\"plot\"><span class=\"name\">{}</span>", html_text(x_name)) +
                     grid(top, step, most_x, x_label, y_label);
  for (std::size_t i = 0; i != curves.size(); ++i) {
    html += fmt::format("<polyline {} points=\"", look_of(i, i == 0 ? "thin" : ""));
    for (const Curve::Point& point : curves[i].points)
      html += fmt::format("{:.2f},{:.2f} ", 100 * point.x / most_x, 100 * (1 - point.y / top));
    html += "\"/>\n";
  }
  return html + "</svg></div>\n" + (curves.size() > 1 ? legend_of(curves) : "");
}

std::string bars_html(const std::vector<Bar>& bars, double longest) {
  double most = 1e-12;
  for (const Bar& bar : bars) most = std::max({most, bar.value, bar.high});
  most = std::min(most, longest);
  std::string html = "<div class=\"bars\">\n";
  for (const Bar& bar : bars) {
    const bool is_cut = bar.value > most;
    const double shown = std::min(std::max(bar.value, bar.high), most);
    html += fmt::format(
        "<span>{}</span><div><span class=\"room\" style=\"--w:{:.4f}\"><i style=\"width:{:.2f}%\"></i>",
        html_text(bar.name), shown / most, shown > 0 ? 100 * std::min(bar.value, most) / shown : 0);
    if (bar.low != bar.high && !is_cut)
      html += fmt::format("<b style=\"left:{:.2f}%;width:{:.2f}%\"></b>", 100 * bar.low / shown,
                          100 * (std::min(bar.high, most) - bar.low) / shown);
    html += fmt::format("</span><em>{}{}</em></div>\n", is_cut ? "→ " : "", html_text(bar.label));
  }
  return html + "</div>\n";
}

namespace {

constexpr double flame_row = 18;
constexpr std::size_t most_boxes = 4000;  // and as many again, if they are all of one width

void collect(const Flame& flame, double least, std::vector<double>& values) {
  values.push_back(flame.value);
  for (const Flame& child : flame.above) {
    if (child.value >= least) collect(child, least, values);
  }
}

// Returns: what a box must have to be drawn: a part that can be seen, and no less than the largest that there is room for.
[[nodiscard]] double least_of(const Flame& root) {
  const double least = root.value / 5000;
  std::vector<double> values;
  collect(root, least, values);
  if (values.size() <= most_boxes) return least;
  std::nth_element(values.begin(), values.begin() + most_boxes, values.end(), std::greater<>{});
  return values[most_boxes];
}

[[nodiscard]] std::size_t depth_of(const Flame& flame, double least) {
  std::size_t most = 0;
  for (const Flame& child : flame.above) {
    if (child.value >= least) most = std::max(most, depth_of(child, least));
  }
  return most + 1;
}

// Warm colours, one for each name: so that a function is known again in another place.
[[nodiscard]] std::string colour_of(const std::string& name) {
  std::uint32_t hash = 2166136261U;
  for (const char letter : name) hash = (hash ^ static_cast<unsigned char>(letter)) * 16777619U;
  return fmt::format("hsl({},70%,{}%)", hash % 50, 68 + hash / 50 % 12);
}

// What all boxes of a graph have in common.
struct Fire {
  double all, least;  // the root's value; what a box must have to be drawn
  const Label& label;
  std::string html;
  std::size_t boxes;
};

void draw(const Flame& flame, double before, std::size_t row, Fire& fire) {
  if (++fire.boxes > 2 * most_boxes) return;
  fire.html += fmt::format(
      "<div style=\"left:{:.5f}%;width:{:.5f}%;bottom:{}px;background:{}\" title=\"{}\n{}, {:.1f} "
      "%\">{}</div>\n",
      100 * before / fire.all, 100 * flame.value / fire.all, flame_row * static_cast<double>(row),
      colour_of(flame.name), html_text(flame.name), html_text(fire.label(flame.value)),
      100 * flame.value / fire.all, html_text(flame.name));
  for (const Flame& child : flame.above) {
    if (child.value >= fire.least) draw(child, before, row + 1, fire);
    before += child.value;
  }
}

}  // namespace

std::string flame_html(const Flame& root, const Label& label) {
  if (!(root.value > 0)) return "<p>Nothing.</p>\n";
  const double least = least_of(root);
  Fire fire{root.value, least, label, {}, 0};
  draw(root, 0, 0, fire);
  return fmt::format(
             "<div class=\"flame\" role=\"group\" aria-label=\"flame graph\" style=\"height:{}px\">\n",
             flame_row * static_cast<double>(depth_of(root, least))) +
         fire.html + "</div><p class=\"picked\" aria-live=\"polite\"></p>\n";
}

}  // namespace basalt::tool
