// Splits, shuffles and the recognition of folders.
#include "training/data/dataset.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <set>

#include "tests/support/temp_folder.h"

namespace weft::training {
namespace {

namespace fs = std::filesystem;
using test::TempFolder;

// Images of one pixel: sample i is the number i, its label i % classes.
Dataset numbered(std::uint8_t count, int classes) {
  Dataset dataset{"numbered",
                  runtime::HostTensor::zeros(ir::DType::u8, {count, 1, 1, 1}),
                  runtime::HostTensor::zeros(ir::DType::i32, {count}),
                  classes,
                  {}};
  for (std::uint8_t i = 0; i < count; ++i) {
    dataset.samples.as<std::uint8_t>()[i] = i;
    dataset.labels.as<std::int32_t>()[i] = i % classes;
  }
  return dataset;
}

std::string idx(const std::string& dims, const std::string& data) {
  std::string file{'\0', '\0', '\x08', static_cast<char>(dims.size())};
  for (const char dim : dims) file += std::string(3, '\0') + dim;
  return file + data;
}

void write_mnist(const TempFolder& folder, const std::string& skip = "") {
  const std::string labels("\0\1\2\0\1\2\0\1\2\0\1\2\0\1\2\0\1\2\0\1\2\0\1\2", 24);
  const std::pair<std::string, std::string> files[] = {
      {"train-images-idx3-ubyte", idx("\x18\x02\x03", std::string(24 * 6, 'p'))},
      {"train-labels-idx1-ubyte", idx("\x18", labels)},
      {"t10k-images.idx3-ubyte", idx("\x04\x02\x03", std::string(4 * 6, 'p'))},
      {"t10k-labels-idx1-ubyte", idx("\x04", labels.substr(0, 4))}};
  for (const auto& [name, contents] : files) {
    if (name != skip) folder.write(name, contents);
  }
}

TEST_CASE("dataset: a shuffle is a permutation, decided by seed and step") {
  const auto order = shuffled_indices(1000, 5);
  std::vector<std::int64_t> sorted = order;
  std::ranges::sort(sorted);
  std::vector<std::int64_t> all(1000);
  std::iota(all.begin(), all.end(), 0);
  CHECK(sorted == all);
  CHECK(order == shuffled_indices(1000, 5));
  CHECK(order != shuffled_indices(1000, 6));
  CHECK(order != shuffled_indices(1000, 5, 1));
  CHECK(order != all);
  CHECK(shuffled_indices(0, 1).empty());
  CHECK_ERROR(shuffled_indices(-1, 1), "cannot shuffle -1");
}

TEST_CASE("dataset: a shuffle puts every sample everywhere equally often") {
  std::vector<int> first(6);
  for (std::uint64_t step = 0; step < 6000; ++step) ++first[static_cast<std::size_t>(shuffled_indices(6, 1, step)[0])];
  for (const int count : first) CHECK(std::abs(count - 1000) < 150);
}

TEST_CASE("dataset: held-out samples and the rest are all samples, each once, with their labels") {
  const Dataset whole = numbered(100, 7);
  const HeldOut parts = hold_out(whole, 30, 3);
  CHECK(parts.held_out.size() == 30);
  CHECK(parts.rest.size() == 70);
  std::multiset<int> seen;
  for (const Dataset* part : {&parts.rest, &parts.held_out}) {
    const auto pixels = part->samples.as<std::uint8_t>();
    seen.insert(pixels.begin(), pixels.end());
    CHECK(std::ranges::is_sorted(pixels));
    for (std::size_t i = 0; i < pixels.size(); ++i) CHECK(part->labels.as<std::int32_t>()[i] == pixels[i] % 7);
  }
  CHECK(seen.size() == 100);
  CHECK(std::set<int>(seen.begin(), seen.end()).size() == 100);
  CHECK(hold_out(whole, 30, 3).held_out == parts.held_out);
  CHECK(hold_out(whole, 30, 4).held_out != parts.held_out);
  CHECK(hold_out(whole, 0, 4).rest == whole);
  CHECK_ERROR(hold_out(whole, 100, 0), "cannot hold out 100 of the 100");
  CHECK_ERROR(hold_out(whole, -1, 0), "cannot hold out -1");
}

TEST_CASE("dataset: take checks its indices") {
  const std::int64_t good[] = {2, 2, 0};
  const std::int64_t bad[] = {3};
  CHECK(take(numbered(3, 3), good).samples.as<std::uint8_t>()[1] == 2);
  CHECK_ERROR(take(numbered(3, 3), bad), "sample 3 is outside a data set of 3");
}

TEST_CASE("dataset: a folder of IDX files") {
  const TempFolder folder;
  write_mnist(folder);
  const DatasetSplits splits = load_dataset(folder.path());
  CHECK(splits.train.size() == 22);
  CHECK(splits.validation.size() == 2);
  CHECK(splits.test.size() == 4);
  CHECK(splits.train.classes == 3);
  CHECK(splits.train.class_names == std::vector<std::string>{"0", "1", "2"});
  CHECK(splits.train.name == folder.path().filename().string());
  CHECK(load_dataset(folder.path() / "").test == splits.test);
  CHECK(load_dataset(folder.path(), {.validation = 10}).validation.size() == 10);
  CHECK(load_dataset(folder.path(), {.validation = 0}).validation.size() == 0);
  CHECK_ERROR(load_dataset(folder.path(), {.validation = 24}), "ask for fewer");
}

TEST_CASE("dataset: bad folders") {
  const TempFolder folder;
  CHECK_ERROR(load_dataset(folder / "nowhere"), "nowhere does not exist");
  CHECK_ERROR(load_dataset(folder.write("file", "x")), "file: no data set found; looked for IDX");
  CHECK_ERROR(load_dataset(folder.path()), "looked for IDX (train-images-idx3-ubyte[.gz]");
  write_mnist(folder, "t10k-labels-idx1-ubyte");
  CHECK_ERROR(load_dataset(folder.path()), "t10k-labels-idx1-ubyte is missing");
  folder.write("t10k-labels-idx1-ubyte", idx("\x05", "abcde"));
  CHECK_ERROR(load_dataset(folder.path()), "holds 4 images, but");
  const TempFolder above;
  fs::copy(folder.path(), above / "inner");
  CHECK_ERROR(load_dataset(above.path()), "inner?");
  write_mnist(folder);
  folder.write("t10k-images.idx3-ubyte", idx("\x04\x03\x02", std::string(4 * 6, 'p')));
  CHECK_ERROR(load_dataset(folder.path()), "take all four files from one data set");
}

TEST_CASE("dataset: the published MNIST and Fashion-MNIST files") {
  const char* data = std::getenv("WEFT_TEST_DATA");
  if (!data) {
    MESSAGE("skipped: WEFT_TEST_DATA names no folder with mnist/ and fashion-mnist/");
    return;
  }
  for (const char* name : {"mnist", "fashion-mnist"}) {
    if (!fs::exists(fs::path(data) / name)) {
      MESSAGE("skipped: no ", name, " in WEFT_TEST_DATA");
      continue;
    }
    const DatasetSplits splits = load_dataset(fs::path(data) / name);
    CHECK(splits.train.samples.shape == std::vector<std::int64_t>{55'000, 1, 28, 28});
    CHECK(splits.validation.size() == 5'000);
    CHECK(splits.test.size() == 10'000);
    CHECK(splits.test.classes == 10);
    CHECK(std::ranges::count(splits.test.labels.as<std::int32_t>(), 3) == (name == std::string("mnist") ? 1010 : 1000));
  }
}

}  // namespace
}  // namespace weft::training
