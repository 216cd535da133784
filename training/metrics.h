// metrics.jsonl: one JSON object per line, appended during a run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace weft::training {

// {"step":100,"epoch":1,"split":"train","loss":0.25}: each value is a field. Weft writes a value that is not finite as
// null and reads it as NaN.
struct MetricsRecord {
  std::int64_t step = 0;
  std::int64_t epoch = 0;
  std::string split;  // "train", "validation", "test"
  std::map<std::string, double> values;

  bool operator==(const MetricsRecord&) const = default;
};

// All functions throw Error with path and reason.
class MetricsWriter {
 public:
  // Creates an empty file, in place of an existing file or symbolic link.
  static MetricsWriter create(const std::filesystem::path& path);
  // Keeps the records for which `is_kept` is true. Drops the others, and a last line that a crash cut short: a resumed
  // run writes them again. Creates a missing file.
  static MetricsWriter resume(const std::filesystem::path& path,
                              const std::function<bool(const MetricsRecord&)>& is_kept);

  ~MetricsWriter();
  MetricsWriter(MetricsWriter&& other) noexcept;
  MetricsWriter& operator=(MetricsWriter&&) = delete;

  // Writes the whole line in one call and flushes it to disk: readers see whole lines only, and a crash that keeps a
  // later checkpoint keeps the line too. After an Error the file is unchanged. Throws Error also if a value is named
  // step, epoch or split.
  void append(const MetricsRecord& record);

 private:
  explicit MetricsWriter(std::filesystem::path path);

  std::filesystem::path path_;
  int descriptor_ = -1;
};

// All records, without a last line that a crash cut short. Throws Error with path and line.
std::vector<MetricsRecord> read_metrics(const std::filesystem::path& path);

}  // namespace weft::training
