// IDX files, plain and gzipped, and every way one can be bad.
#include "training/data/idx.h"

#include <doctest/doctest.h>
#include <zlib.h>

#include "runtime/atomic_file.h"
#include "tests/support/temp_folder.h"

namespace weft::training {
namespace {

namespace fs = std::filesystem;
using test::TempFolder;

std::string idx(const std::vector<unsigned>& dims, const std::string& data, char type = 8) {
  std::string file{'\0', '\0', type, static_cast<char>(dims.size())};
  for (const unsigned dim : dims) {
    for (const int shift : {24, 16, 8, 0}) file += static_cast<char>(dim >> shift);
  }
  return file + data;
}

fs::path write_gzip(const fs::path& path, const std::string& contents) {
  gzFile file = gzopen(path.c_str(), "wb");
  REQUIRE(gzwrite(file, contents.data(), static_cast<unsigned>(contents.size())) == static_cast<int>(contents.size()));
  REQUIRE(gzclose(file) == Z_OK);
  return path;
}

TEST_CASE("idx: plain and gzipped files hold the same") {
  const TempFolder folder;
  const std::string contents = idx({2, 2, 3}, "abcdefghijkl");
  const runtime::HostTensor plain = read_idx(folder.write("plain", contents));
  CHECK(plain.shape == std::vector<std::int64_t>{2, 2, 3});
  CHECK(plain.as<std::uint8_t>()[11] == 'l');
  CHECK(read_idx(write_gzip(folder / "packed", contents)) == plain);
}

TEST_CASE("idx: a pair becomes [N,1,H,W] and [N]") {
  const TempFolder folder;
  const LabelledImages pair = read_idx_pair(folder.write("images", idx({2, 2, 3}, "abcdefghijkl")),
                                            folder.write("labels", idx({2}, std::string("\x07\x09", 2))));
  CHECK(pair.images.shape == std::vector<std::int64_t>{2, 1, 2, 3});
  CHECK(pair.labels.dtype == ir::DType::i32);
  CHECK(pair.labels.as<std::int32_t>()[1] == 9);
}

TEST_CASE("idx: bad files") {
  const TempFolder folder;
  CHECK_ERROR(read_idx(folder / "missing"), "No such file");
  CHECK_ERROR(read_idx(folder.path()), "it is a folder");
  CHECK_ERROR(read_idx(folder.write("a", "")), "ends inside its header");
  CHECK_ERROR(read_idx(folder.write("a", idx({2, 2}, "").substr(0, 9))), "ends inside its header");
  CHECK_ERROR(read_idx(folder.write("a", "<html>Not found</html>")), "begins with 3c 68 74 6d");
  CHECK_ERROR(read_idx(folder.write("a", idx({}, "x"))), "not an IDX file");
  CHECK_ERROR(read_idx(folder.write("a", idx({1}, "abcd", 0x0d))), "IDX type 0x0d");
  CHECK_ERROR(read_idx(folder.write("a", idx({2, 3}, "abcde"))), "announces u8[2,3] (6 bytes), but only 5 follow");
  CHECK_ERROR(read_idx(folder.write("a", idx({2, 3}, "abcdefg"))), "bytes follow the 6");
  // A header that announces 16 TB must not allocate them.
  CHECK_ERROR(read_idx(folder.write("a", idx({0xffffffff, 64, 64}, "abc"))), "but only 3 follow");
  CHECK_ERROR(read_idx(folder.write("a", idx({0xffffffff, 0xffffffff, 0xffffffff}, "abc"))), "too many elements");
}

TEST_CASE("idx: bad gzip streams") {
  const TempFolder folder;
  std::string data;
  for (unsigned i = 0; i < 40'000; ++i) data += static_cast<char>(i * i >> 3);
  const std::string packed = runtime::read_file(write_gzip(folder / "good", idx({40'000}, data)));
  CHECK_ERROR(read_idx(folder.write("a", packed.substr(0, packed.size() / 2))), "stream is truncated");
  CHECK_ERROR(read_idx(folder.write("a", packed.substr(0, packed.size() - 4))), "stream is truncated");
  std::string corrupt = packed;
  corrupt[packed.size() - 6] = static_cast<char>(corrupt[packed.size() - 6] ^ 0x55);  // the checksum
  CHECK_ERROR(read_idx(folder.write("a", corrupt)), "corrupt");
  corrupt = packed;
  for (std::size_t i = packed.size() / 2; i < packed.size() / 2 + 50; ++i) corrupt[i] = '\xff';
  CHECK_ERROR(read_idx(folder.write("a", corrupt)), "corrupt");
  CHECK_ERROR(read_idx(write_gzip(folder / "a", idx({4}, "abc"))), "but only 3 follow");
}

TEST_CASE("idx: members of a gzip file follow one another, and nothing follows the last") {
  const TempFolder folder;
  const std::string first = runtime::read_file(write_gzip(folder / "1", idx({6}, "abc")));
  const std::string second = runtime::read_file(write_gzip(folder / "2", "def"));
  const runtime::HostTensor joined = read_idx(folder.write("a", first + second));
  CHECK(joined.as<std::uint8_t>()[5] == 'f');
  const std::string whole = runtime::read_file(write_gzip(folder / "3", idx({3}, "abc")));
  CHECK(read_idx(folder.write("a", whole + runtime::read_file(write_gzip(folder / "4", "")))).elements() == 3);
  for (const std::string& rest : {std::string("x"), std::string(1, '\0'), std::string(512, '\0'), std::string("\n")})
    CHECK_ERROR(read_idx(folder.write("a", whole + rest)), "a: bytes follow the end of its gzip stream; download");
  CHECK_ERROR(read_idx(folder.write("a", whole + "\x1f")), "stream is truncated");
  CHECK_ERROR(read_idx(folder.write("a", whole + "\x1fjunk")), "corrupt (incorrect header check)");
  CHECK_ERROR(read_idx(folder.write("a", whole + second)), "bytes follow the 3 that its header announces");
  CHECK_ERROR(read_idx(folder.write("a", first + second.substr(0, 12))), "stream is truncated");
  // Across the borders of what is read at once.
  std::string data;
  for (unsigned i = 0; i < 300'000; ++i) data += static_cast<char>(i * i * 2654435761U >> 13);
  const std::string large = runtime::read_file(write_gzip(folder / "5", idx({300'000}, data)));
  REQUIRE(large.size() > 200'000);
  CHECK(read_idx(folder.write("a", large)).elements() == 300'000);
  CHECK_ERROR(read_idx(folder.write("a", large + "x")), "bytes follow the end of its gzip stream");
}

TEST_CASE("idx: pairs that do not fit") {
  const TempFolder folder;
  const fs::path images = folder.write("images", idx({2, 1, 2}, "abcd"));
  const fs::path labels = folder.write("labels", idx({2}, "ab"));
  CHECK_ERROR(read_idx_pair(labels, images), "not swapped");
  CHECK_ERROR(read_idx_pair(images, images), "labels are [count]");
  CHECK_ERROR(read_idx_pair(images, folder.write("more", idx({3}, "abc"))), "holds 2 images, but");
  CHECK_ERROR(read_idx_pair(folder.write("no", idx({0, 28, 28}, "")), folder.write("none", idx({0}, ""))),
              "holds no images");
}

}  // namespace
}  // namespace weft::training
