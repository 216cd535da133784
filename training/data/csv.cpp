// The CSV reader: lines, cells, numbers, and the role of the last column.
#include "training/data/csv.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <string_view>

#include "ir/error.h"
#include "ir/visible.h"
#include "training/data/gzip.h"

namespace weft::training {

namespace fs = std::filesystem;

namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r";
  const std::size_t begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

std::optional<double> number_in(std::string_view cell) {
  if (cell.starts_with('+')) cell.remove_prefix(1);
  double number = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), number);
  if (error != std::errc() || end != cell.data() + cell.size() || cell.empty()) return std::nullopt;
  return number;
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](unsigned char each) { return std::tolower(each); });
  return result;
}

class CsvReader {
 public:
  CsvReader(const fs::path& path, LastColumn last) : path_(path), text_(read_unpacked(path)), last_(last) {}

  Table read() {
    read_lines();
    if (count_ == 0) fail("{}: holds no rows", path_.string());
    name_columns();
    if (last_ == LastColumn::guess) last_ = guess();
    if (last_ == LastColumn::feature) add_last_feature();
    if (last_ == LastColumn::label) add_labels();
    if (table_.columns() == 0) fail("{}: holds no column of numbers besides the label", path_.string());
    table_.rows = static_cast<std::int64_t>(count_);
    return std::move(table_);
  }

 private:
  // --- Lines and cells ---

  void read_lines() {
    std::string_view rest = text_;
    if (rest.starts_with("\xef\xbb\xbf")) rest.remove_prefix(3);  // a byte order mark
    std::vector<std::string_view> cells;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      const std::string_view line = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      ++line_;
      if (trimmed(line).empty()) continue;
      const bool first = width_ == 0;
      if (first) separator_ = separator_of(line);
      split(line, cells);
      if (first) width_ = cells.size();
      if (first && is_header(cells)) {
        for (const std::string_view cell : cells) header_.push_back(visible(cell));
        continue;
      }
      read_row(cells);
    }
  }

  static char separator_of(std::string_view line) {
    for (const char separator : {'\t', ';'})
      if (line.find(separator) != std::string_view::npos) return separator;
    return ',';
  }

  // Splits a line into cells, trimmed and unquoted.
  void split(std::string_view line, std::vector<std::string_view>& cells) const {
    cells.clear();
    std::size_t begin = 0;
    bool quoted = false;
    for (std::size_t i = 0; i <= line.size(); ++i) {
      if (i < line.size() && line[i] == '"') quoted = !quoted;
      if (i < line.size() && (quoted || line[i] != separator_)) continue;
      std::string_view cell = trimmed(line.substr(begin, i - begin));
      if (cell.size() >= 2 && cell.front() == '"' && cell.back() == '"')
        cell = trimmed(cell.substr(1, cell.size() - 2));
      cells.push_back(cell);
      begin = i + 1;
    }
  }

  static bool is_header(const std::vector<std::string_view>& cells) {
    return std::ranges::none_of(cells, [](std::string_view cell) { return cell.empty() || number_in(cell); });
  }

  // All cells but the last are features; `read` decides later whether the last is one too.
  void read_row(const std::vector<std::string_view>& cells) {
    if (cells.size() != width_)
      fail("{}: row {} has {} cells, but the first row has {}; all rows need the same number", path_.string(), line_,
           cells.size(), width_);
    for (std::size_t column = 0; column + 1 < width_; ++column)
      features_.push_back(feature(cells[column], line_, column));
    last_cells_.emplace_back(cells.back());
    last_lines_.push_back(line_);
    ++count_;
  }

  double feature(std::string_view cell, std::size_t line, std::size_t column) const {
    const std::optional<double> number = number_in(cell);
    if (cell.empty())
      fail("{}: row {}, {}: the cell is empty; fill it in, or remove the row", path_.string(), line,
           column_text(column));
    if (!number)
      fail("{}: row {}, {}: '{}' is not a number{}", path_.string(), line, column_text(column), brief(cell),
           line == 1 ? " (a header has a name for every column and no numbers)" : "");
    if (!std::isfinite(*number) || std::abs(*number) > 1e37)
      fail("{}: row {}, {}: {} is not a finite number; correct it, or remove the row", path_.string(), line,
           column_text(column), brief(cell));
    return *number;
  }

  std::string column_text(std::size_t column) const {
    return column < header_.size() ? fmt::format("column {} ({})", column + 1, brief(header_[column]))
                                   : fmt::format("column {}", column + 1);
  }

  void name_columns() {
    for (std::size_t column = 0; column + 1 < width_; ++column)
      table_.names.push_back(column < header_.size() ? header_[column] : fmt::format("column {}", column + 1));
  }

  // --- The last column ---

  LastColumn guess() const {
    constexpr std::size_t most_classes = 100;
    if (width_ < 2) return LastColumn::feature;
    if (!number_in(last_cells_.front())) return LastColumn::label;
    if (!header_.empty()) {
      for (const char* known : {"label", "labels", "class", "target", "y", "outlier", "anomaly"})
        if (lower(header_.back()) == known) return LastColumn::label;
      return LastColumn::feature;
    }
    std::map<double, std::size_t> counts;
    for (const std::string_view cell : last_cells_) {
      const std::optional<double> number = number_in(cell);
      if (!number || *number != std::floor(*number)) return LastColumn::feature;
      ++counts[*number];
      if (counts.size() > most_classes) return LastColumn::feature;
    }
    const double low = counts.begin()->first, high = counts.rbegin()->first;
    const bool gapless = high - low + 1 == static_cast<double>(counts.size());
    return counts.size() >= 2 && (low == 0 || low == 1) && gapless ? LastColumn::label : LastColumn::feature;
  }

  void add_last_feature() {
    const std::size_t features = width_ - 1;
    std::vector<double> values;
    values.reserve(count_ * width_);
    for (std::size_t row = 0; row < count_; ++row) {
      const auto first = features_.begin() + static_cast<std::ptrdiff_t>(row * features);
      values.insert(values.end(), first, first + static_cast<std::ptrdiff_t>(features));
      values.push_back(feature(last_cells_[row], last_lines_[row], features));
    }
    table_.values = std::move(values);
    table_.names.push_back(header_.empty() ? fmt::format("column {}", width_) : header_.back());
  }

  void add_labels() {
    table_.values = std::move(features_);
    const bool numeric = number_in(last_cells_.front()).has_value();
    std::map<std::pair<double, std::string_view>, std::int32_t>
        classes;  // of numbers: (number, ""); of names: (0, name)
    std::vector<std::pair<double, std::string_view>> keys;
    for (std::size_t row = 0; row < count_; ++row) {
      const std::string_view cell = last_cells_[row];
      if (numeric)
        keys.emplace_back(feature(cell, last_lines_[row], width_ - 1), "");
      else
        keys.emplace_back(0, label_name(cell, last_lines_[row]));
      classes.emplace(keys.back(), 0);
    }
    constexpr std::size_t most_classes = 10'000;
    if (classes.size() > most_classes)
      fail("{}: {} has {} different labels; Weft supports at most {} classes", path_.string(), column_text(width_ - 1),
           classes.size(), most_classes);
    for (auto& [key, index] : classes) {
      index = static_cast<std::int32_t>(table_.class_names.size());
      table_.class_names.push_back(numeric ? fmt::format("{:g}", key.first) : visible(key.second));
    }
    for (const auto& key : keys) table_.labels.push_back(classes.at(key));
  }

  std::string_view label_name(std::string_view cell, std::size_t line) const {
    if (cell.empty()) fail("{}: row {}, {}: the label is missing", path_.string(), line, column_text(width_ - 1));
    if (number_in(cell))
      fail("{}: row {}, {}: the label is the number {}, but the first row has a name", path_.string(), line,
           column_text(width_ - 1), brief(cell));
    return cell;
  }

  fs::path path_;
  std::string text_;
  LastColumn last_;
  char separator_ = ',';
  std::size_t line_ = 0;   // from 1
  std::size_t width_ = 0;  // cells in each row
  std::vector<std::string> header_;
  std::size_t count_ = 0;         // of rows
  std::vector<double> features_;  // [count, width - 1]
  std::vector<std::string_view> last_cells_;
  std::vector<std::size_t> last_lines_;
  Table table_;
};

// The file extension, without .gz.
std::string ending_of(const fs::path& path) {
  return lower((path.extension() == ".gz" ? path.stem() : path).extension().string());
}

// Reads a file to fit the columns of a run, if given.
Table read_for(const fs::path& path, const LoadOptions& options) {
  Table table = read_csv(path);
  const std::size_t wanted = options.columns.size();
  if (wanted == 0 || table.names.size() == wanted) return table;
  // The guess was wrong: the number of columns tells whether the last one is a label.
  const bool labelled = !table.class_names.empty();
  if (labelled && table.names.size() + 1 == wanted) return read_csv(path, LastColumn::feature);
  if (!labelled && table.names.size() == wanted + 1) return read_csv(path, LastColumn::label);
  return table;
}

}  // namespace

Table read_csv(const fs::path& path, LastColumn last) { return CsvReader(path, last).read(); }

bool is_csv(const fs::path& path) {
  if (fs::is_directory(path)) return !plain_or_gzipped(path / "train.csv").empty();
  const std::string ending = ending_of(path);
  return ending == ".csv" || ending == ".tsv" || ending == ".tra" || ending == ".tes" || ending == ".data";
}

DatasetSplits load_csv(const fs::path& path, const LoadOptions& options) {
  const bool folder = fs::is_directory(path);
  const fs::path train = folder ? plain_or_gzipped(path / "train.csv") : path;
  fs::path test;
  if (folder) test = plain_or_gzipped(path / "test.csv");
  if (ending_of(path) == ".tra") test = plain_or_gzipped(fs::path(path).replace_extension(".tes"));
  const std::string name = data_name(path);
  if (test.empty()) return table_splits(name, read_for(train, options), options);
  return table_splits(name, read_for(train, options), read_for(test, options), options);
}

}  // namespace weft::training
