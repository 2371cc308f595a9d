#include "page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

namespace basalt::tool {

namespace {

// Seven that people who see fewer colours can tell apart (Okabe and Ito, 2008), the darkest first.
constexpr std::array colours{"#000000", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"};

constexpr const char* style =
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 "
    "1rem;color:#222;background:#fff}"
    "h1{font-size:1.4rem;overflow-wrap:anywhere}h2{font-size:1.1rem;margin-top:2rem}"
    "table{margin-top:1rem;border-collapse:collapse;font-variant-numeric:tabular-nums;display:block;overflow-"
    "x:auto}"
    "td,th{padding:.2rem .6rem;text-align:right;white-space:nowrap;border-bottom:1px solid "
    "#ddd}td:first-child,th:first-child{text-align:left;white-space:normal;min-width:12rem;overflow-wrap:"
    "anywhere}"
    "svg{width:100%;height:auto;font:12px system-ui,sans-serif}svg .axis{stroke:#999}svg .grid{stroke:#eee}"
    "svg g.box:hover rect{stroke:#000}";

// The next larger power of two: bytes are read in KiB and MiB.
[[nodiscard]] double round_up(double bytes) { return std::exp2(std::ceil(std::log2(std::max(bytes, 1.0)))); }

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
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width\">"
      "<title>{0}</title>\n<style>{1}</style></head>\n<body><h1>{0}</h1>\n{2}</body></html>\n",
      html_text(title_), style, body_);
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

std::string curves_svg(const std::vector<Curve>& curves, const std::string& x_name, const Label& x_label,
                       const Label& y_label) {
  constexpr double left = 80, top = 10, width = 820, height = 320;
  double most_x = 1, most_y = 1;
  for (const Curve& curve : curves) {
    for (const Curve::Point& point : curve.points)
      most_x = std::max(most_x, point.x), most_y = std::max(most_y, point.y);
  }
  const double step = round_up(most_y / 4), rows = std::ceil(most_y / step);
  std::string svg = fmt::format("<svg viewBox=\"0 0 920 {}\" role=\"img\" aria-label=\"curves\">\n",
                                362 + 18 * ((curves.size() + 3) / 4));
  for (double row = 0; row <= rows; ++row) {
    const double y = top + height * (1 - row / rows);
    svg += fmt::format(
        "<line class=\"grid\" x1=\"{0}\" x2=\"{1}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\"/><text x=\"{3}\" "
        "y=\"{4:.1f}\" text-anchor=\"end\">{5}</text>\n",
        left, left + width, y, left - 6, y + 4, html_text(y_label(row * step)));
  }
  svg += fmt::format(
      "<line class=\"axis\" x1=\"{0}\" x2=\"{1}\" y1=\"{2}\" y2=\"{2}\"/><text x=\"{0}\" y=\"{3}\">0</text>"
      "<text x=\"{1}\" y=\"{3}\" text-anchor=\"end\">{4} {5}</text>\n",
      left, left + width, top + height, top + height + 16, html_text(x_label(most_x)), html_text(x_name));
  for (std::size_t i = 0; i != curves.size(); ++i) {
    const char* const colour = colours[i % colours.size()];
    std::string line;
    for (const Curve::Point& point : curves[i].points)
      line += fmt::format("{:.1f},{:.1f} ", left + width * point.x / most_x,
                          top + height * (1 - point.y / (rows * step)));
    const std::size_t row = i / 4;
    const double x = left + 205 * static_cast<double>(i % 4), y = 372 + 18 * static_cast<double>(row);
    svg += fmt::format(
        "<polyline fill=\"none\" stroke=\"{0}\" stroke-width=\"{1}\" points=\"{2}\"/>"
        "<rect x=\"{3}\" y=\"{4}\" width=\"12\" height=\"4\" fill=\"{0}\"/><text x=\"{5}\" "
        "y=\"{6}\">{7}</text>\n",
        colour, i == 0 ? 1 : 2, line, x, y - 6, x + 18, y, html_text(curves[i].name));
  }
  return svg + "</svg>\n";
}

std::string bars_svg(const std::vector<Bar>& bars) {
  constexpr double left = 170, width = 620, row = 26;
  double most = 1e-12;
  for (const Bar& bar : bars) most = std::max({most, bar.value, bar.high});
  std::string svg = fmt::format("<svg viewBox=\"0 0 920 {}\" role=\"img\" aria-label=\"bars\">\n",
                                row * static_cast<double>(bars.size()) + 4);
  for (std::size_t i = 0; i != bars.size(); ++i) {
    const Bar& bar = bars[i];
    const double y = row * static_cast<double>(i), middle = y + 11;
    svg += fmt::format(
        "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text><rect x=\"{}\" y=\"{}\" width=\"{:.1f}\" "
        "height=\"18\" fill=\"{}\"/>",
        left - 8, y + 15, html_text(bar.name), left, y + 2, width * bar.value / most, colours[1]);
    if (bar.low != bar.high)
      svg += fmt::format(
          "<line stroke=\"#000\" stroke-width=\"2\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" "
          "y2=\"{:.1f}\"/>",
          left + width * bar.low / most, left + width * bar.high / most, middle, middle);
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{}\">{}</text>\n",
                       left + width * std::max(bar.value, bar.high) / most + 8, y + 15, html_text(bar.label));
  }
  return svg + "</svg>\n";
}

namespace {

constexpr double flame_width = 920, flame_row = 18, least_width = 0.7;

[[nodiscard]] std::size_t depth_of(const Flame& flame, double scale) {
  std::size_t most = 0;
  for (const Flame& child : flame.above) {
    if (child.value * scale >= least_width) most = std::max(most, depth_of(child, scale));
  }
  return most + 1;
}

// Warm colours, one for each name: so that a function is known again in another place.
[[nodiscard]] std::string colour_of(const std::string& name) {
  std::uint32_t hash = 2166136261U;
  for (const char letter : name) hash = (hash ^ static_cast<unsigned char>(letter)) * 16777619U;
  return fmt::format("hsl({},70%,{}%)", hash % 50, 68 + hash / 50 % 12);
}

void draw(const Flame& flame, double x, double y, double scale, double all, const Label& label,
          std::string& svg) {
  const double width = flame.value * scale;
  const auto letters = static_cast<std::size_t>(std::max(0.0, width / 7 - 1));
  const std::string shown = letters < 3                    ? ""
                            : flame.name.size() <= letters ? flame.name
                                                           : flame.name.substr(0, letters - 1) + "…";
  svg += fmt::format(
      "<g class=\"box\"><title>{}\n{}, {:.1f} %</title><rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" "
      "height=\"17\" fill=\"{}\"/>",
      html_text(flame.name), html_text(label(flame.value)), 100 * flame.value / all, x, y,
      std::max(width - 0.5, 0.3), colour_of(flame.name));
  if (!shown.empty())
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\">{}</text>", x + 3, y + 13, html_text(shown));
  svg += "</g>\n";
  for (const Flame& child : flame.above) {
    if (child.value * scale >= least_width) draw(child, x, y - flame_row, scale, all, label, svg);
    x += child.value * scale;
  }
}

}  // namespace

std::string flame_svg(const Flame& root, const Label& label) {
  if (!(root.value > 0)) return "<p>Nothing.</p>\n";
  const double scale = flame_width / root.value,
               height = flame_row * static_cast<double>(depth_of(root, scale));
  std::string svg = fmt::format("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"flame graph\">\n",
                                flame_width, height);
  draw(root, 0, height - flame_row, scale, root.value, label, svg);
  return svg + "</svg>\n";
}

}  // namespace basalt::tool
