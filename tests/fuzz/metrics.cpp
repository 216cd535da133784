// metrics.jsonl: what is read is appended to a file, and read again as it was.
#include "training/metrics.h"

#include <cmath>

#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft;
  const fuzz::MemoryFile input(fuzz::text_of(data, size));
  std::vector<training::MetricsRecord> records;
  if (!fuzz::accepts([&] { records = training::read_metrics(input.path()); })) return 0;
  for (const training::MetricsRecord& record : records)
    for (const auto& [name, value] : record.values)
      if (std::isnan(value)) return 0;  // no NaN equals another
  const std::filesystem::path path = fuzz::memory_folder() / "metrics.jsonl";
  {
    auto writer = training::MetricsWriter::create(path);
    for (const training::MetricsRecord& record : records) writer.append(record);
  }
  fuzz::need(training::read_metrics(path) == records, "metrics change by a copy");
  const std::int64_t step = records.empty() ? 0 : records[records.size() / 2].step;
  training::MetricsWriter::resume(path, [&](const auto& record) { return record.step <= step; });
  for (const training::MetricsRecord& record : training::read_metrics(path))
    fuzz::need(record.step <= step, "a record after the step that was resumed at");
  return 0;
}
