// Writes, resumes and reads metrics.jsonl.
#include "training/metrics.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "ir/error.h"
#include "runtime/atomic_file.h"
#include "runtime/json_text.h"

namespace weft::training {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

bool is_reserved(const std::string& name) { return name == "step" || name == "epoch" || name == "split"; }

std::string line_of(const MetricsRecord& record, const fs::path& path) {
  nlohmann::ordered_json line{{"step", record.step}, {"epoch", record.epoch}, {"split", record.split}};
  for (const auto& [name, value] : record.values) {
    if (is_reserved(name)) fail("{}: a metric cannot be named '{}'; choose another name", path.string(), name);
    line[name] = value;  // the library writes null for a value that is not finite
  }
  try {
    return line.dump() + '\n';
  } catch (const json::exception& error) {
    fail("{}: the name of a metric is not UTF-8 ({})", path.string(), runtime::json_reason(error));
  }
}

// Throws Error if the line is not a record.
MetricsRecord record_of(const std::string& line) {
  const json fields = runtime::parse_json<json>(line);
  MetricsRecord record{runtime::json_member<std::int64_t>(fields, "step"),
                       runtime::json_member<std::int64_t>(fields, "epoch"),
                       runtime::json_member<std::string>(fields, "split"),
                       {}};
  for (const auto& [name, value] : fields.items()) {
    if (is_reserved(name)) continue;
    if (!value.is_number() && !value.is_null())
      fail("'{}' is {}, not a number", brief(name), runtime::brief_json(value));
    record.values[name] = value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
  }
  return record;
}

struct Line {
  std::string text;  // without the newline
  MetricsRecord record;
};

std::vector<Line> read_lines(const fs::path& path) {
  const std::string contents = runtime::read_file(path);
  std::vector<Line> lines;
  std::size_t begin = 0;
  for (std::size_t end = 0; (end = contents.find('\n', begin)) != std::string::npos; begin = end + 1) {
    const std::string text = contents.substr(begin, end - begin);
    try {
      lines.push_back({text, record_of(text)});
    } catch (const Error& error) {
      fail("{}:{}: not a metrics record ({}); remove the line or the file", path.string(), lines.size() + 1,
           error.what());
    }
  }
  return lines;
}

}  // namespace

MetricsWriter::MetricsWriter(fs::path path) : path_(std::move(path)) {
  descriptor_ = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
  if (descriptor_ < 0) fail("cannot open {}: {}", path_.string(), std::strerror(errno));
}

MetricsWriter::MetricsWriter(MetricsWriter&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

MetricsWriter::~MetricsWriter() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

MetricsWriter MetricsWriter::create(const fs::path& path) {
  runtime::write_file(path, "", runtime::Links::replace);
  return MetricsWriter(path);
}

MetricsWriter MetricsWriter::resume(const fs::path& path, const std::function<bool(const MetricsRecord&)>& is_kept) {
  std::string kept;
  if (fs::exists(path)) {
    for (const Line& line : read_lines(path)) {
      if (is_kept(line.record)) kept += line.text + '\n';
    }
  }
  runtime::write_file(path, kept, runtime::Links::replace);
  return MetricsWriter(path);
}

void MetricsWriter::append(const MetricsRecord& record) {
  const std::string line = line_of(record, path_);
  const off_t before = ::lseek(descriptor_, 0, SEEK_END);
  std::size_t written = 0;
  while (written < line.size()) {
    const ssize_t now = ::write(descriptor_, line.data() + written, line.size() - written);
    if (now > 0) written += static_cast<std::size_t>(now);
    if (now >= 0 || errno == EINTR) continue;
    const int error = errno;
    // Half a line would make the file unreadable.
    if (written > 0 && ::ftruncate(descriptor_, before) != 0)
      fail("cannot write {}: {}, and its last line is cut short", path_.string(), std::strerror(error));
    fail("cannot write {}: {}", path_.string(), std::strerror(error));
  }
  if (::fdatasync(descriptor_) != 0) fail("cannot flush {}: {}", path_.string(), std::strerror(errno));
}

std::vector<MetricsRecord> read_metrics(const fs::path& path) {
  std::vector<MetricsRecord> records;
  for (Line& line : read_lines(path)) records.push_back(std::move(line.record));
  return records;
}

}  // namespace weft::training
