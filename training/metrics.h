// metrics.jsonl: one JSON object a line, appended while a run goes on, readable by anything.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace weft::training {

// {"step":100,"epoch":1,"split":"train","loss":0.25}: the values are fields of their own. A value that is not finite is
// written as null and read as NaN.
struct MetricsRecord {
  std::int64_t step = 0;
  std::int64_t epoch = 0;
  std::string split;  // "train", "validation", "test"
  std::map<std::string, double> values;

  bool operator==(const MetricsRecord&) const = default;
};

// Every member throws Error with path and reason.
class MetricsWriter {
 public:
  // An empty file, whatever was there before; a symbolic link is replaced, not followed.
  static MetricsWriter create(const std::filesystem::path& path);
  // Keeps the records that `is_kept` says and drops the others, as well as a last line that a crash cut short: a
  // resumed run writes them again. A missing file is created.
  static MetricsWriter resume(const std::filesystem::path& path,
                              const std::function<bool(const MetricsRecord&)>& is_kept);

  ~MetricsWriter();
  MetricsWriter(MetricsWriter&& other) noexcept;
  MetricsWriter& operator=(MetricsWriter&&) = delete;

  // Hands the whole line to the system in one call, and to the disk: no reader sees half of it, and a checkpoint that
  // is written after it never outlives it. After an Error the file is as before. Throws Error also where a value is
  // named step, epoch or split.
  void append(const MetricsRecord& record);

 private:
  explicit MetricsWriter(std::filesystem::path path);

  std::filesystem::path path_;
  int descriptor_ = -1;
};

// All records; a last line without its end (a crash while writing) is left out. Throws Error with path and line.
std::vector<MetricsRecord> read_metrics(const std::filesystem::path& path);

}  // namespace weft::training
