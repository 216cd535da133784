// Loaders of files that are written here byte by byte: what they read, and each way a file can be wrong.
#include <doctest/doctest.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>

#include "tests/support/temp_folder.h"
#include "training/data/csv.h"
#include "training/data/dataset.h"
#include "training/data/npy.h"
#include "training/data/png.h"
#include "training/runs/config.h"

namespace weft::training {
namespace {

namespace fs = std::filesystem;
using runtime::HostTensor;
using test::TempFolder;
using Shape = std::vector<std::int64_t>;

void write_gzip(const fs::path& path, const std::string& contents) {
  gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, contents.data(), static_cast<unsigned>(contents.size()));
  gzclose(file);
}

// --- CIFAR-10 --------------------------------------------------------------------------------------------------------

std::string cifar_batch(int count, int first_label) {
  std::string bytes;
  for (int i = 0; i < count; ++i) {
    bytes += static_cast<char>((first_label + i) % 10);
    for (const char plane : {'r', 'g', 'b'}) bytes += std::string(1024, plane);
  }
  return bytes;
}

TEST_CASE("cifar: the batches that are there, plain or gzipped") {
  const TempFolder folder;
  folder.write("data_batch_1.bin", cifar_batch(3, 0));
  write_gzip(folder / "data_batch_4.bin.gz", cifar_batch(2, 7));
  folder.write("test_batch.bin", cifar_batch(4, 2));
  const DatasetSplits splits = load_dataset(folder.path(), {.validation = 0});
  CHECK(splits.train.samples.shape == Shape{5, 3, 32, 32});
  CHECK(splits.test.size() == 4);
  CHECK(splits.train.labels.as<std::int32_t>()[4] == 8);
  CHECK(splits.train.samples.as<std::uint8_t>()[1024] == 'g');
  CHECK(splits.train.class_names[0] == "airplane");
  folder.write("batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n");
  CHECK(load_dataset(folder.path(), {.validation = 0}).test.class_names[9] == "j");
}

TEST_CASE("cifar: bad files") {
  const TempFolder folder;
  folder.write("test_batch.bin", cifar_batch(1, 0));
  CHECK_ERROR(load_dataset(folder.path()), "data_batch_1.bin to data_batch_5.bin are missing");
  folder.write("data_batch_2.bin", cifar_batch(2, 0) + "x");
  CHECK_ERROR(load_dataset(folder.path()), "6147 bytes are not a whole number of 3073-byte records");
  folder.write("data_batch_2.bin", "\x0a" + cifar_batch(2, 0).substr(1));
  CHECK_ERROR(load_dataset(folder.path()), "record 0 has label 10, but there are 10 classes");
  folder.write("data_batch_2.bin", cifar_batch(2, 0));
  fs::remove(folder / "test_batch.bin");
  CHECK_ERROR(load_dataset(folder.path()), "test_batch.bin is missing");
}

// --- Folders of PNG --------------------------------------------------------------------------------------------------

void write_picture(const fs::path& path, int width, int channels, std::uint8_t level) {
  fs::create_directories(path.parent_path());
  write_png(path,
            {width, 2, channels, std::vector<std::uint8_t>(static_cast<std::size_t>(width * 2 * channels), level)});
}

TEST_CASE("image folders: train and test by class") {
  const TempFolder folder;
  for (int i = 0; i < 4; ++i) {
    write_picture(folder / fmt::format("train/dog/{}.png", i), 3, 1, 200);
    write_picture(folder / fmt::format("train/cat/{}.png", i), 3, 1, 100);
  }
  write_picture(folder / "test/cat/a.png", 3, 3, 50);  // colour makes all of them colour
  const DatasetSplits splits = load_dataset(folder.path(), {.validation = 0});
  CHECK(splits.train.samples.shape == Shape{8, 3, 2, 3});
  CHECK(splits.train.class_names == std::vector<std::string>{"cat", "dog"});
  const auto labels = splits.train.labels.as<std::int32_t>();
  for (std::size_t i = 0; i < 8; ++i)
    CHECK(splits.train.samples.as<std::uint8_t>()[i * 18 + 17] == (labels[i] == 0 ? 100 : 200));
  CHECK_FALSE(std::ranges::is_sorted(labels));
  CHECK(splits.test.size() == 1);
  write_picture(folder / "test/bird/a.png", 3, 1, 1);
  CHECK_ERROR(load_dataset(folder.path()), "the class 'bird' has test images, but no training images");
}

TEST_CASE("image folders: one folder a class, split by the seed; sizes must agree") {
  const TempFolder folder;
  for (int i = 0; i < 10; ++i)
    write_picture(folder / fmt::format("{}/{}.png", i % 2, i), 3, 1, static_cast<std::uint8_t>(i));
  const DatasetSplits splits = load_dataset(folder.path(), {.validation = 1});
  CHECK(splits.train.size() == 7);
  CHECK(splits.test.size() == 2);
  CHECK(splits.train.samples.shape == Shape{7, 1, 2, 3});
  CHECK(load_dataset(folder.path(), {.validation = 1}).test == splits.test);
  write_picture(folder / "1/wide.png", 4, 1, 0);
  CHECK_ERROR(load_dataset(folder.path()), "scale all images to one size");
  CHECK_ERROR(load_dataset(folder.path()), "4x2 pixels");
  folder.write("1/wide.png", "no picture");
  CHECK_ERROR(load_dataset(folder.path()), "wide.png: not a readable PNG");
}

// --- CSV -------------------------------------------------------------------------------------------------------------

TEST_CASE("csv: separators, headers, labels") {
  const TempFolder folder;
  const Table plain = read_csv(folder.write("a.csv", "1,2.5,0\n3,-4e1,1\r\n\n5,6,0\n"));
  CHECK(plain.rows == 3);
  CHECK(plain.values == std::vector<double>{1, 2.5, 3, -40, 5, 6});
  CHECK(plain.labels == std::vector<std::int32_t>{0, 1, 0});
  CHECK(plain.class_names == std::vector<std::string>{"0", "1"});
  const Table named = read_csv(folder.write("b.csv", "\"height\";weight;kind\n1;2;spam\n3;4;\"egg\"\n"));
  CHECK(named.names == std::vector<std::string>{"height", "weight"});
  CHECK(named.class_names == std::vector<std::string>{"egg", "spam"});
  CHECK(named.labels == std::vector<std::int32_t>{1, 0});
  const Table features = read_csv(folder.write("c.tsv", "a\tb\n1\t0\n2\t1\n"));
  CHECK(features.names.size() == 2);  // a header names b, which is no word for a label
  CHECK(features.class_names.empty());
  CHECK(read_csv(folder / "c.tsv", LastColumn::label).names.size() == 1);
  write_gzip(folder / "d.csv.gz", "1,2\n2,7\n");
  CHECK(read_csv(folder / "d.csv.gz").columns() == 2);
}

TEST_CASE("csv: each cell that is wrong is named by row and column") {
  const TempFolder folder;
  const auto read = [&](const std::string& text) { return read_csv(folder.write("a.csv", text), LastColumn::feature); };
  CHECK_ERROR(read(""), "a.csv: holds no rows");
  CHECK_ERROR(read("a,b\n"), "a.csv: holds no rows");
  CHECK_ERROR(read("1,2\n3\n"), "row 2 has 1 cells, but the first row has 2");
  CHECK_ERROR(read("a,b\n1,2\n,4\n"), "row 3, column 1 (a): the cell is empty");
  CHECK_ERROR(read("1,2\n3,four\n"), "row 2, column 2: 'four' is not a number");
  CHECK_ERROR(read("1,2\nnan,4\n"), "row 2, column 1: nan is not a finite number");
  CHECK_ERROR(read("1,2\n3,inf\n"), "row 2, column 2: inf is not a finite number");
  CHECK_ERROR(read("a,2\n3,4\n"), "row 1, column 1: 'a' is not a number (a header has a name for every column");
  CHECK_ERROR(read_csv(folder.write("a.csv", "1,a\n2,3\n"), LastColumn::label), "the label is the number 3");
}

TEST_CASE("names from files are visible text, and short in messages") {
  const TempFolder folder;
  const Table table = read_csv(folder.write("a.csv",
                                            "h\x1b[31m,gr\xf6\xdf"
                                            "e,kind\n1,2,\xe2\x80\xae"
                                            "a\n3,4,b\n"));
  CHECK(table.names == std::vector<std::string>{"h\\x1b[31m", "gr\\xf6\\xdfe"});
  CHECK(table.class_names == std::vector<std::string>{"b", "\\u202ea"});
  const std::string name(70'000, 'n');
  const std::string message =
      test::error_of([&] { read_csv(folder.write("b.csv", name + ",b,c\n1,2,3\n" + name + ",5,6\n")); });
  CAPTURE(message);
  CHECK(message.size() < 400);
  CHECK(test::contains(message, "b.csv: row 3, column 1 (nnn"));
  CHECK(test::contains(message, "…"));
  write_picture(folder / "set/class\n\x1b[2J/a.png", 3, 1, 0);
  write_picture(folder / "set/other/a.png", 3, 1, 0);
  CHECK(load_dataset(folder / "set", {.validation = 0}).train.class_names[0] == "class\\n\\x1b[2J");
  fs::rename(folder / "set", folder / "s\x1bt");
  CHECK(load_dataset(folder / "s\x1bt", {.validation = 0}).train.name == "s\\x1bt");
}

TEST_CASE("csv: as a data set, the columns of the training rows run from 0 to 1") {
  const TempFolder folder;
  std::string text;
  for (int i = 0; i < 50; ++i) text += fmt::format("{},7,{}\n", 1000 + i, i % 2);
  const DatasetSplits splits = load_dataset(folder.write("a.csv", text));
  const auto values = splits.train.samples.as<float>();
  float low = 1, high = 0;
  for (std::size_t i = 0; i < values.size(); i += 2) {
    low = std::min(low, values[i]);
    high = std::max(high, values[i]);
    CHECK(values[i + 1] == 0);
  }
  CHECK(low == doctest::Approx(0));
  CHECK(high == doctest::Approx(1));
  CHECK(splits.train.size() + splits.validation.size() + splits.test.size() == 50);
  CHECK(splits.test.columns == splits.train.columns);
  // A range that no finite scale widens to [0,1] is one of a column that never changes.
  std::string narrow;
  for (int i = 0; i < 20; ++i) narrow += fmt::format("{},{}\n", i, i % 2 == 0 ? "0" : "5e-324");
  const DatasetSplits flat = load_dataset(folder.write("narrow.csv", narrow));
  for (const float value : flat.train.samples.as<float>()) CHECK(std::isfinite(value));
  CHECK_ERROR(load_dataset(folder.write("far.csv", "1,0\n2,1e37\n3,1\n4,1\n"),
                           {.validation = {}, .columns = {{"a", 0, 1}, {"b", 0, 1e30}}}),
              "sample 2, column 2: 1e+37 is too far");
  // New rows are scaled as those were, whatever they hold.
  const auto path = folder.write("new.csv", "1000,7\n1001,8\n1002,9\n1003,7\n");
  const DatasetSplits fresh = load_dataset(path, {.validation = {}, .columns = splits.train.columns});
  CHECK(fresh.train.columns == splits.train.columns);
  CHECK_ERROR(
      load_dataset(folder.write("b.csv", "1,2,3,4\n5,6,7,9\n"), {.validation = {}, .columns = splits.train.columns}),
      "4 columns of features, but the run was trained on 2");
}

// --- .npy ------------------------------------------------------------------------------------------------------------

std::string npy(const std::string& descr, const std::string& shape, const std::string& data, bool fortran = false) {
  std::string header =
      fmt::format("{{'descr': '{}', 'fortran_order': {}, 'shape': {}, }}\n", descr, fortran ? "True" : "False", shape);
  return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(header.size()) + '\0' + header + data;
}

TEST_CASE("npy: what is written is read back") {
  const TempFolder folder;
  const HostTensor numbers = HostTensor::of<float>(std::vector<float>{1, -2, .5F, 4, 5, 6}, {2, 3});
  write_npy(folder / "a.npy", numbers);
  CHECK(read_npy(folder / "a.npy") == numbers);
  CHECK(fs::file_size(folder / "a.npy") == 128 + 24);
  const HostTensor labels = HostTensor::of<std::int32_t>(std::vector<std::int32_t>{3, 1, 2}, {3});
  write_npy(folder / "b.npy", labels);
  CHECK(read_npy(folder / "b.npy") == labels);
  const std::string eight("\x05\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", 16);
  const HostTensor wide = read_npy(folder.write("c.npy", npy("<i8", "(2,)", eight)));
  CHECK(std::ranges::equal(wide.as<std::int32_t>(), std::vector<std::int32_t>{5, -1}));
}

TEST_CASE("npy: bad files") {
  const TempFolder folder;
  const auto read = [&](const std::string& bytes) { return read_npy(folder.write("a.npy", bytes)); };
  CHECK_ERROR(read("PK"), "not a .npy file");
  CHECK_ERROR(read(npy(">f4", "(1,)", "abcd")), "big-endian (>f4)");
  CHECK_ERROR(read(npy("<c8", "(1,)", "abcdefgh")), "of type <c8");
  CHECK_ERROR(read(npy("<f4", "(1, 1)", "abcd", true)), "Fortran order");
  CHECK_ERROR(read(npy("<f4", "(2,)", "abcd")), "announces [2] of <f4 (8 bytes), but 4 follow");
  CHECK_ERROR(read(npy("<i8", "(1,)", std::string("\0\0\0\0\1\0\0\0", 8))), "beyond 32 bits");
  CHECK_ERROR(read(npy("<f4", "(1,)", "abcd").substr(0, 30)), "its header is truncated");
  CHECK_ERROR(read(npy("<f4", "(1,)", "abcde")), "announces [1] of <f4 (4 bytes), but 5 follow");
}

TEST_CASE("npy: pictures in each layout, tables, labels") {
  const TempFolder folder;
  folder.write("train_images.npy", npy("|u1", "(12, 2, 4, 3)", std::string(12 * 24, 'a')));
  folder.write("train_labels.npy", npy("|u1", "(12,)", std::string("\0\1\2\0\1\2\0\1\2\0\1\2", 12)));
  folder.write("test_images.npy", npy("|u1", "(2, 2, 4, 3)", std::string(48, 'a')));
  folder.write("test_labels.npy", npy("|u1", "(2,)", std::string("\0\1", 2)));
  const DatasetSplits splits = load_dataset(folder.path());
  CHECK(splits.train.samples.shape == Shape{11, 3, 2, 4});
  CHECK(splits.train.classes == 3);
  const HostTensor floats = HostTensor::of<float>(std::vector<float>{0, 1, .5F, 1, 0, 0, 0, 1}, {2, 2, 2});
  write_npy(folder / "floats.npy", floats);
  fs::create_directory(folder / "alone");
  write_npy(folder / "alone/floats.npy", floats);
  const DatasetSplits alone = load_dataset(folder / "alone/floats.npy");
  CHECK(alone.train.samples.shape == Shape{1, 1, 2, 2});
  CHECK(alone.train.classes == 1);
  write_npy(folder / "alone/table.npy", HostTensor::of<float>(std::vector<float>{0, 1, .5F, 1, 0, 0, 0, 1}, {4, 2}));
  CHECK(load_dataset(folder / "alone/table.npy").train.is_table());
  write_npy(folder / "alone/labels.npy", HostTensor::of<std::int32_t>(std::vector<std::int32_t>{0, -1}, {2}));
  CHECK_ERROR(load_dataset(folder / "alone/floats.npy"), "label -1 of sample 1 is out of range");
  CHECK_ERROR(load_dataset(folder / "alone/table.npy"), "labels are [N], one per sample");
}

// --- Built in, and the real ones -------------------------------------------------------------------------------------

TEST_CASE("digits in colour") {
  CHECK(is_built_in("digits-colour"));
  const DatasetSplits splits = load_data({.folder = "digits-colour", .validation = 20});
  CHECK(splits.validation.samples.shape == Shape{20, 3, 32, 32});
  CHECK(splits.train.name == "digits-colour");
  const auto pixels = splits.validation.samples.as<std::uint8_t>();
  CHECK(std::set<int>(pixels.begin(), pixels.begin() + 3072).size() > 20);
}

TEST_CASE("the real CIFAR-10 and tables") {
  const char* data = std::getenv("WEFT_TEST_DATA");
  if (!data || !fs::exists(fs::path(data) / "cifar-10") || !fs::exists(fs::path(data) / "tabular")) {
    MESSAGE("skipped: WEFT_TEST_DATA names no folder with cifar-10/ and tabular/");
    return;
  }
  const DatasetSplits cifar = load_dataset(fs::path(data) / "cifar-10");
  CHECK((cifar.train.size() + cifar.validation.size()) % 10'000 == 0);
  CHECK(cifar.test.size() == 10'000);
  CHECK(std::ranges::count(cifar.test.labels.as<std::int32_t>(), 3) == 1000);
  CHECK(cifar.test.class_names[3] == "cat");
  const Table cardio = read_csv(fs::path(data) / "tabular/cardio.csv");
  CHECK(cardio.rows == 1831);
  CHECK(cardio.columns() == 21);
  CHECK(std::ranges::count(cardio.labels, 1) == 176);
  const DatasetSplits digits = load_dataset(fs::path(data) / "tabular/optdigits.tra", {.validation = 0});
  CHECK(digits.train.samples.shape == Shape{3823, 64});
  CHECK(digits.test.size() == 1797);
  CHECK(digits.test.classes == 10);
}

}  // namespace
}  // namespace weft::training
