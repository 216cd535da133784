// report.html: one self-contained page, including its pictures.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weft::training {

// Parts appear in the order of the calls. All text is escaped; the page loads no other files.
class Report {
 public:
  explicit Report(std::string title);

  Report& section(std::string_view heading);
  // A table of names and values: the configuration, the results.
  Report& facts(const std::vector<std::pair<std::string, std::string>>& facts);
  // `image` holds the bytes of a PNG or an SVG file. Throws Error if it is neither.
  Report& picture(std::string_view caption, std::string_view image);
  // Preformatted: graphs, plans, logs.
  Report& text(std::string_view heading, std::string_view text);
  // Columns of numbers are right-aligned. Throws Error if a row and the header differ in length.
  Report& table(std::string_view caption, const std::vector<std::string>& header,
                const std::vector<std::vector<std::string>>& rows);

  std::string html() const;
  void write(const std::filesystem::path& path) const;  // atomic; see runtime/atomic_file.h

 private:
  std::string title_;
  std::string body_;
};

std::string escape_html(std::string_view text);  // escapes invisible characters too (ir/visible.h)
std::string base64(std::string_view bytes);

}  // namespace weft::training
