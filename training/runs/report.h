// report.html: one page that holds everything, pictures included, so that it can be mailed or kept as it is.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weft::training {

// Parts appear in the order of the calls. All text is escaped; nothing is read from outside the page.
class Report {
 public:
  explicit Report(std::string title);

  Report& section(std::string_view heading);
  // A table of names and values: the configuration, the results.
  Report& facts(const std::vector<std::pair<std::string, std::string>>& facts);
  // `image` is the bytes of a PNG or an SVG file. Throws Error where it is neither.
  Report& picture(std::string_view caption, std::string_view image);
  // Preformatted: graphs, plans, logs.
  Report& text(std::string_view heading, std::string_view text);
  // Columns of numbers are set to the right. Throws Error where a row has not as many cells as the header.
  Report& table(std::string_view caption, const std::vector<std::string>& header,
                const std::vector<std::vector<std::string>>& rows);

  std::string html() const;
  void write(const std::filesystem::path& path) const;  // atomic; see runtime/atomic_file.h

 private:
  std::string title_;
  std::string body_;
};

std::string escape_html(std::string_view text);  // visible as well (ir/visible.h)
std::string base64(std::string_view bytes);

}  // namespace weft::training
