// Builds the page as text; its style follows the reader's light or dark setting.
#include "training/runs/report.h"

#include <algorithm>

#include "ir/error.h"
#include "ir/visible.h"
#include "runtime/atomic_file.h"

namespace weft::training {

namespace {

constexpr std::string_view kStyle = R"css(
:root { color-scheme: light dark; --ground: #ffffff; --text: #20242b; --quiet: #5d6675; --line: #e1e4ea;
  --panel: #f6f7f9; --accent: #1f77b4; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #15181d; --text: #e4e7ec; --quiet: #9aa4b2; --line: #2d333d; --panel: #1d2128; --accent: #6db3e8; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 2rem 1.5rem 4rem; background: var(--ground); color: var(--text);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 1.9rem; margin: 0 0 1.2rem; padding-bottom: .6rem; border-bottom: 3px solid var(--accent); }
h2 { font-size: 1.3rem; margin: 2.6rem 0 .8rem; }
h3 { font-size: 1.02rem; margin: 1.6rem 0 .5rem; }
figure { margin: 1.2rem 0; }
figure img { display: block; max-width: 100%; height: auto; background: #ffffff; border: 1px solid var(--line);
  border-radius: 8px; padding: 6px; }
figcaption, caption { color: var(--quiet); font-size: .92rem; text-align: left; padding: .4rem 0; }
caption { white-space: nowrap; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: .6rem 0 1.2rem; font-variant-numeric: tabular-nums; }
th, td { padding: .34rem .9rem .34rem 0; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; }
th { font-weight: 600; color: var(--quiet); }
.number { text-align: right; }
pre { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: .9rem 1rem; margin: 0;
  overflow: auto; max-height: 34rem; font: 13px/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
@media print { pre { max-height: none; } }
)css";

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_of("0123456789") != std::string_view::npos &&
         text.find_first_not_of("0123456789+-.,eE%") == std::string_view::npos;
}

// Whether all non-empty cells are numbers, and there is one.
bool is_number_column(const std::vector<std::vector<std::string>>& rows, std::size_t column) {
  bool any = false;
  for (const auto& row : rows) {
    if (row[column].empty()) continue;
    if (!is_number(row[column])) return false;
    any = true;
  }
  return any;
}

std::string cell(std::string_view tag, std::string_view text, bool number) {
  return fmt::format("<{0}{1}>{2}</{0}>", tag, number ? R"( class="number")" : "", escape_html(text));
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (const char character : visible_lines(text)) {
    switch (character) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += character;
    }
  }
  return escaped;
}

std::string base64(std::string_view bytes) {
  constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t taken = std::min<std::size_t>(3, bytes.size() - i);
    unsigned group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (k < taken ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) text += k <= taken ? digits[group >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

Report::Report(std::string title) : title_(std::move(title)) {}

Report& Report::section(std::string_view heading) {
  body_ += fmt::format("<h2>{}</h2>\n", escape_html(heading));
  return *this;
}

Report& Report::facts(const std::vector<std::pair<std::string, std::string>>& facts) {
  body_ += "<div class=\"wide\"><table>\n";
  for (const auto& [name, value] : facts) {
    body_ += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", escape_html(name), escape_html(value));
  }
  body_ += "</table></div>\n";
  return *this;
}

// An SVG goes into an img too: inline, its ids would clash with the ids of the next one.
Report& Report::picture(std::string_view caption, std::string_view image) {
  const bool svg = image.starts_with("<?xml") && image.find("<svg") != std::string_view::npos;
  if (!svg && !image.starts_with("\x89PNG\r\n\x1a\n"))
    fail("the picture '{}' of a report is neither a PNG nor an SVG", caption);
  const std::string escaped = escape_html(caption);
  body_ += fmt::format(
      "<figure><img alt=\"{0}\" src=\"data:image/{1};base64,{2}\">\n<figcaption>{0}</figcaption></figure>\n", escaped,
      svg ? "svg+xml" : "png", base64(image));
  return *this;
}

Report& Report::text(std::string_view heading, std::string_view text) {
  body_ += fmt::format("<h3>{}</h3>\n<pre>{}</pre>\n", escape_html(heading), escape_html(text));
  return *this;
}

Report& Report::table(std::string_view caption, const std::vector<std::string>& header,
                      const std::vector<std::vector<std::string>>& rows) {
  for (const auto& row : rows) {
    if (row.size() != header.size()) {
      fail("the table '{}' of a report has {} columns, but a row has {} cells", caption, header.size(), row.size());
    }
  }
  std::vector<bool> numbers;
  for (std::size_t column = 0; column < header.size(); ++column) numbers.push_back(is_number_column(rows, column));
  body_ += fmt::format("<div class=\"wide\"><table>\n<caption>{}</caption>\n<tr>", escape_html(caption));
  for (std::size_t column = 0; column < header.size(); ++column) body_ += cell("th", header[column], numbers[column]);
  body_ += "</tr>\n";
  for (const auto& row : rows) {
    body_ += "<tr>";
    for (std::size_t column = 0; column < row.size(); ++column) body_ += cell("td", row[column], numbers[column]);
    body_ += "</tr>\n";
  }
  body_ += "</table></div>\n";
  return *this;
}

std::string Report::html() const {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{0}</title>\n<style>{1}</style>\n</head>\n<body>\n<h1>{0}</h1>\n{2}</body>\n</html>\n",
      escape_html(title_), kStyle, body_);
}

void Report::write(const std::filesystem::path& path) const { runtime::write_file(path, html()); }

}  // namespace weft::training
