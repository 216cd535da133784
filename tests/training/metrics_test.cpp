// metrics.jsonl: appended line by line, resumed at a step, read back.
#include "training/metrics.h"

#include <doctest/doctest.h>

#include <cmath>

#include "runtime/atomic_file.h"
#include "tests/support/temp_folder.h"

namespace weft::training {
namespace {

namespace fs = std::filesystem;
using runtime::read_file;
using test::TempFolder;

MetricsRecord record(std::int64_t step) {
  return {step, step / 10, "train", {{"loss", 1.0 / static_cast<double>(step)}, {"loss/kl", .1}}};
}

bool before_20(const MetricsRecord& record) { return record.step <= 20; }

TEST_CASE("metrics: what is written is in the file at once and is read back") {
  const TempFolder folder;
  const fs::path path = folder / "metrics.jsonl";
  MetricsWriter writer = MetricsWriter::create(path);
  writer.append({100, 1, "train", {{"loss", .25}}});
  CHECK(read_file(path) == "{\"step\":100,\"epoch\":1,\"split\":\"train\",\"loss\":0.25}\n");
  writer.append(record(200));
  const std::vector<MetricsRecord> records = read_metrics(path);
  REQUIRE(records.size() == 2);
  CHECK(records[1] == record(200));
  CHECK(read_metrics(folder.write("empty", "")).empty());
}

TEST_CASE("metrics: what is not finite is null in the file and NaN again in memory") {
  const TempFolder folder;
  MetricsWriter::create(folder / "m").append({1, 0, "train", {{"a", NAN}, {"b", HUGE_VAL}}});
  CHECK(test::contains(read_file(folder / "m"), "\"a\":null,\"b\":null"));
  CHECK(std::isnan(read_metrics(folder / "m")[0].values.at("b")));
}

TEST_CASE("metrics: a resumed run drops what came after the step, and a line cut short") {
  const TempFolder folder;
  const fs::path path = folder / "m";
  {
    MetricsWriter writer = MetricsWriter::create(path);
    for (const int step : {10, 20, 30, 40}) writer.append(record(step));
  }
  folder.write("m", read_file(path) + "{\"step\":50,\"epo");
  CHECK(read_metrics(path).size() == 4);
  {
    MetricsWriter writer = MetricsWriter::resume(path, before_20);
    writer.append(record(25));
  }
  const auto records = read_metrics(path);
  REQUIRE(records.size() == 3);
  CHECK(records[1].step == 20);
  CHECK(records[2].step == 25);
  MetricsWriter::resume(folder / "fresh", before_20).append(record(25));
  CHECK(read_metrics(folder / "fresh").size() == 1);
  MetricsWriter::create(path);
  CHECK(read_file(path).empty());
}

TEST_CASE("metrics: a symbolic link is replaced, and its target stays as it was") {
  const TempFolder folder;
  const fs::path target = folder.write("target", "mine");
  for (const bool resumes : {false, true}) {
    fs::remove(folder / "m");
    fs::create_symlink(target, folder / "m");
    if (resumes) folder.write("target", "");  // it is read as a file of records
    (resumes ? MetricsWriter::resume(folder / "m", before_20) : MetricsWriter::create(folder / "m")).append(record(10));
    CHECK_FALSE(fs::is_symlink(folder / "m"));
    CHECK(read_metrics(folder / "m").size() == 1);
    CHECK(read_file(target) == (resumes ? "" : "mine"));
  }
}

TEST_CASE("metrics: on a full disk the file keeps its whole lines") {
  const TempFolder folder;
  MetricsWriter writer = MetricsWriter::create(folder / "m");
  writer.append(record(10));
  const std::string before = read_file(folder / "m");
  std::string message;
  {
    const test::FileSizeLimit limit(before.size() + 5);
    message = test::error_of([&] { writer.append(record(20)); });
  }
  INFO(message);
  CHECK(test::contains(message, "cannot write " + (folder / "m").string()));
  CHECK(read_file(folder / "m") == before);
  writer.append(record(30));
  CHECK(read_metrics(folder / "m").size() == 2);
}

TEST_CASE("metrics: bad input") {
  const TempFolder folder;
  const std::string good = "{\"step\":1,\"epoch\":0,\"split\":\"train\"}\n";
  const auto read = [&](const std::string& line) { return read_metrics(folder.write("m", good + line + "\n")); };
  CHECK_ERROR(read("nonsense"), "m:2: not a metrics record");
  CHECK_ERROR(read("[]"), "m:2: not a metrics record");
  CHECK_ERROR(read("{\"step\":1}"), "'epoch' is missing");
  CHECK_ERROR(read("{\"step\":1.5,\"epoch\":0,\"split\":\"\"}"), "'step': 1.5 is not a whole number in range");
  CHECK_ERROR(read("{\"step\":99999999999999999999,\"epoch\":0,\"split\":\"\"}"), "not a whole number in range");
  CHECK_ERROR(read("{\"step\":1,\"step\":2,\"epoch\":0,\"split\":\"\"}"), "'step' is listed twice");
  CHECK_ERROR(read("{\"step\":1,\"epoch\":0,\"split\":\"\"}" + std::string("\0{}", 3)), "it holds the byte 0");
  CHECK_ERROR(read(std::string(100, '[') + std::string(100, ']')), "nested deeper than 64");
  for (const char* line : {"{", "nonsense", "{\"a\":\"\x1b[31m", "[1", "{\"step\":1e999}", "\xff"}) {
    const std::string message = test::error_of([&] { read(line); });
    CAPTURE(message);
    CHECK_FALSE(test::contains(message, "json.exception"));
    CHECK_FALSE(test::contains(message, "\x1b"));
    CHECK(message.size() < 400);
  }
  CHECK(test::error_of([&] { read("\"" + std::string(70'000, 'x')); }).size() < 400);
  CHECK_ERROR(read("{\"step\":\"x\",\"epoch\":0,\"split\":\"\"}"), "m:2: not a metrics record");
  CHECK_ERROR(read("{\"step\":1,\"epoch\":0,\"split\":\"\",\"loss\":\"low\"}"), "'loss' is \"low\", not a number");
  CHECK_ERROR(MetricsWriter::resume(folder / "m", before_20), "m:2: not a metrics record");
  CHECK_ERROR(read_metrics(folder / "missing"), "No such file");
  CHECK_ERROR(MetricsWriter::create(folder / "no/m"), "create the folder first");
  MetricsWriter writer = MetricsWriter::create(folder / "w");
  CHECK_ERROR(writer.append({1, 0, "train", {{"step", 1}}}), "cannot be named 'step'");
  CHECK_ERROR(writer.append({1, 0, "train", {{"\xff", 1}}}), "not UTF-8");
  CHECK(read_file(folder / "w").empty());
}

}  // namespace
}  // namespace weft::training
