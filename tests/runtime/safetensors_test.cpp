// safetensors files: the bytes Python writes, round trips, and every way a file can be bad.
#include "runtime/safetensors.h"

#include <doctest/doctest.h>

#include <cstring>

#include "runtime/atomic_file.h"
#include "tests/support/temp_folder.h"

namespace weft::runtime {
namespace {

using test::TempFolder;

HostTensor floats(std::vector<float> values, std::vector<std::int64_t> shape) {
  return HostTensor::of(std::span<const float>(values), std::move(shape));
}

std::string with_length(const std::string& header, const std::string& data = "") {
  const std::uint64_t length = header.size();
  std::string file(8, '\0');
  std::memcpy(file.data(), &length, 8);
  return file + header + data;
}

// Written by safetensors 0.8.0 for Python from numpy arrays.
const std::string python_file = with_length(
    R"({"__metadata__":{"format":"weft"},"empty":{"dtype":"F32","shape":[0,4],"data_offsets":[0,0]},)"
    R"("w":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"i":{"dtype":"I32","shape":[1],"data_offsets":[16,20]},)"
    R"("bytes":{"dtype":"U8","shape":[3],"data_offsets":[20,23]},)"
    R"("mask":{"dtype":"BOOL","shape":[1],"data_offsets":[23,24]}}       )",
    std::string("\x00\x00\x80?\x00\x00\x00@\x00\x00@@\x00\x00\x00\xbf\xf9\xff\xff\xff\x01\x02\xff\x01", 24));

NamedTensors python_tensors() {
  const std::int32_t i = -7;
  const std::uint8_t bytes[] = {1, 2, 255};
  HostTensor mask = HostTensor::zeros(ir::DType::boolean, {1});
  mask.as<std::uint8_t>()[0] = 1;
  return {{"empty", floats({}, {0, 4})},
          {"w", floats({1, 2, 3, -.5F}, {2, 2})},
          {"i", HostTensor::of(std::span(&i, 1), {1})},
          {"bytes", HostTensor::of(std::span<const std::uint8_t>(bytes), {3})},
          {"mask", mask}};
}

TEST_CASE("safetensors: writes the bytes that Python's library writes") {
  const TempFolder folder;
  write_safetensors(folder / "a.safetensors", python_tensors(), {{"format", "weft"}});
  CHECK(read_file(folder / "a.safetensors") == python_file);
  CHECK(folder.entries() == 1);
}

TEST_CASE("safetensors: reads the bytes that Python's library writes") {
  const TempFolder folder;
  const TensorFile file = read_safetensors(folder.write("a.safetensors", python_file));
  CHECK(file.tensors == python_tensors());
  CHECK(file.metadata == Metadata{{"format", "weft"}});
}

TEST_CASE("safetensors: checksums name the tensor in which a bit flipped") {
  const TempFolder folder;
  const auto path = folder / "a.safetensors";
  const Metadata metadata{{"step", "7"}, {"seed", "1"}};
  write_safetensors(path, python_tensors(), metadata, {.checksums = Checksums::crc32});
  const std::string whole = read_file(path);
  CHECK(test::contains(whole, R"("crc32":")"));
  CHECK(read_safetensors(path).tensors == python_tensors());
  CHECK(read_safetensors(path).metadata == metadata);  // they are the file's own

  std::uint64_t length = 0;
  std::memcpy(&length, whole.data(), 8);
  const auto error_with = [&](std::size_t byte, int bit) {
    std::string flipped = whole;
    flipped[byte] = static_cast<char>(flipped[byte] ^ (1 << bit));
    const auto bad = folder.write("bad.safetensors", flipped);
    return test::error_of([&] { read_safetensors(bad); });
  };
  int flips = 0;
  for (std::size_t byte = 8 + length; byte < whole.size(); ++byte)
    for (int bit = 0; bit < 8; ++bit, ++flips) {
      const std::size_t at = byte - 8 - length;
      const char* name = at < 16 ? "'w'" : at < 20 ? "'i'" : at < 23 ? "'bytes'" : "'mask'";
      const std::string message = error_with(byte, bit);
      CAPTURE(at);
      CHECK_MESSAGE(test::contains(message, fmt::format("tensor {} is not what was written", name)), message);
    }
  CHECK(flips == 24 * 8);
  // In the header every flip is an error or changes nothing that is read, unless it hits the key of the checksums.
  for (std::size_t byte = 8; byte < 8 + length; ++byte)
    for (int bit = 0; bit < 8; ++bit) {
      CAPTURE(byte);
      if (!error_with(byte, bit).empty()) continue;
      TensorFile read = read_safetensors(folder / "bad.safetensors");
      read.tensors.erase("empty");  // its other dim may be any
      NamedTensors expected = python_tensors();
      expected.erase("empty");
      CHECK(read.tensors == expected);
      CHECK((read.metadata == metadata || !test::contains(read_file(folder / "bad.safetensors"), R"("crc32")")));
    }
  const auto refused = [&](const std::string& sums) {
    std::string header = whole.substr(8, length);
    const std::size_t begin = header.find(R"("crc32":")") + 9;
    header.replace(begin, header.find('"', begin) - begin, sums);
    const auto bad = folder.write("bad.safetensors", with_length(header, whole.substr(8 + length)));
    return test::error_of([&] { read_safetensors(bad); });
  };
  CHECK(test::contains(refused(""), "its header is not what was written"));
  const std::size_t begin = whole.find(R"("crc32":")") + 9;
  const std::string sums = whole.substr(begin, whole.find('"', begin) - begin);
  CHECK(refused(sums).empty());
  CHECK(test::contains(refused(sums.substr(0, sums.size() - 9)), "tensor 'mask' is not what was written"));
  CHECK(test::contains(refused(sums + " 00000000"), "more checksums than tensors"));
  CHECK_ERROR(write_safetensors(path, {}, {{"crc32", "x"}}), "the metadata crc32 is reserved");
}

TEST_CASE("safetensors: round trip of every dtype, scalars, and names that need escapes") {
  const TempFolder folder;
  NamedTensors tensors{{"scalar", floats({3}, {})}, {"a \"quoted\"/\u00fc\n", floats({1, 2}, {2})}};
  for (const ir::DType dtype :
       {ir::DType::f32, ir::DType::bf16, ir::DType::f16, ir::DType::i32, ir::DType::u8, ir::DType::boolean}) {
    tensors.emplace(ir::name(dtype), HostTensor::zeros(dtype, {3, 1, 5}));
  }
  write_safetensors(folder / "a", tensors);
  CHECK(read_safetensors(folder / "a").tensors == tensors);
  write_safetensors(folder / "a", {});
  CHECK(read_safetensors(folder / "a").tensors.empty());
}

TEST_CASE("safetensors: bad files") {
  const TempFolder folder;
  const auto error = [&](const std::string& contents) {
    const auto path = folder.write("bad.safetensors", contents);
    const std::string message = test::error_of([&] { read_safetensors(path); });
    INFO(message);
    CHECK(test::contains(message, path.string()));
    return message;
  };
  const auto tensor_error = [&](const std::string& entry, std::size_t data_bytes) {
    return error(with_length("{\"t\":" + entry + "}", std::string(data_bytes, '\0')));
  };
#define CHECK_HOLDS(text, part)               \
  do {                                        \
    const std::string text_ = text;           \
    INFO("message: ", text_);                 \
    CHECK(weft::test::contains(text_, part)); \
  } while (false)

  SUBCASE("headers") {
    CHECK_HOLDS(error(""), "holds 0 bytes");
    CHECK_HOLDS(error("1234567"), "holds 7 bytes");
    CHECK_HOLDS(error(python_file.substr(0, 100)), "claims 328 bytes, but only 92 follow");
    CHECK_HOLDS(error(std::string(8, '\xff')), "the limit is");
    CHECK_HOLDS(error(with_length("")), "does not begin with '{'");
    CHECK_HOLDS(error(with_length("[1]")), "does not begin with '{'");
    CHECK_HOLDS(error(with_length("{\"a\":")), "'a' in its header, at byte 5: it is not an object");
    CHECK_HOLDS(error(with_length("{\"a")), "its header is not JSON, at byte 4: a text has no end");
    CHECK_HOLDS(error(with_length("{\"\xff\":1}")), "not JSON");
    CHECK_HOLDS(error(with_length("{\"a\":1}")), "'a' in its header, at byte 5: it is not an object");
    CHECK_HOLDS(error(with_length(R"({"__metadata__":[]})")),
                "'__metadata__' in its header, at byte 16: it is not an object");
    CHECK_HOLDS(error(with_length(R"({"__metadata__":{"a":1}})")),
                "'__metadata__' in its header, at byte 21: a value is not a text");
    const std::string entry = R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
    CHECK_HOLDS(error(with_length("{" + entry + "," + entry + "}", "x")), "'a' is listed twice");
  }
  SUBCASE("one tensor") {
    CHECK_HOLDS(tensor_error(R"({"dtype":"F32","data_offsets":[0,4]})", 4), "lacks dtype, shape or data_offsets");
    CHECK_HOLDS(tensor_error(R"({"dtype":"F64","shape":[1],"data_offsets":[0,8]})", 8),
                "has dtype F64, which Weft does not read");
    CHECK_HOLDS(tensor_error(R"({"dtype":7,"shape":[1],"data_offsets":[0,8]})", 8),
                "'t' in its header, at byte 14: dtype is not a text");
    CHECK_HOLDS(tensor_error(R"({"dtype":"F32","shape":2,"data_offsets":[0,8]})", 8), "shape is not a list");
    CHECK_HOLDS(tensor_error(R"({"dtype":"F32","shape":[-1],"data_offsets":[0,4]})", 4),
                "at byte 29: a count is missing");
    CHECK_HOLDS(tensor_error(R"({"dtype":"F32","shape":[1.5],"data_offsets":[0,4]})", 4), "a count is not whole");
    CHECK_HOLDS(tensor_error(R"({"dtype":"F32","shape":[1],"data_offsets":[0]})", 4), "data_offsets is not a pair");
    CHECK_HOLDS(tensor_error(R"({"dtype":"F32","shape":[1],"data_offsets":[4,0]})", 4), "lies at bytes 4 to 0");
    CHECK_HOLDS(tensor_error(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})", 4), "lies at bytes 0 to 8");
    CHECK_HOLDS(tensor_error(R"({"dtype":"F32","shape":[3],"data_offsets":[0,8]})", 8),
                "has 3 elements of 4 bytes, but lies in 8 bytes");
    CHECK_HOLDS(tensor_error(R"({"dtype":"F32","shape":[2],"data_offsets":[0,7]})", 7), "but lies in 7 bytes");
    CHECK_HOLDS(tensor_error(R"({"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]})", 0),
                "shape has more than 2^62 elements");
  }
  SUBCASE("overlaps and holes") {
    const auto two = [&](const std::string& a, const std::string& b) {
      return error(with_length(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":)" + a +
                                   R"(},"b":{"dtype":"U8","shape":[2],"data_offsets":)" + b + "}}",
                               "12345"));
    };
    CHECK_HOLDS(two("[0,2]", "[1,3]"), "'b' overlaps");
    CHECK_HOLDS(two("[0,2]", "[3,5]"), "bytes 2 to 3 belong to no tensor");
    CHECK_HOLDS(two("[1,3]", "[3,5]"), "bytes 0 to 1 belong to no tensor");
    CHECK_HOLDS(two("[2,4]", "[0,2]"), "bytes 4 to 5 belong to no tensor");
    CHECK_HOLDS(error(python_file + "x"), "bytes 24 to 25 belong to no tensor");
    CHECK_HOLDS(error(python_file.substr(0, python_file.size() - 1)), "the file has 23 bytes of data");
  }
  CHECK_ERROR(read_safetensors(folder / "missing"), "No such file");
  CHECK_ERROR(read_safetensors(folder.path()), "it is a folder");
  CHECK_ERROR(read_safetensors(folder / std::string(3000, 'x')), "File name too long; check the name");
}

TEST_CASE("safetensors: what cannot be written leaves the old file") {
  const TempFolder folder;
  const auto path = folder.write("a", "old");
  CHECK_ERROR(write_safetensors(path, {{"__metadata__", floats({1}, {1})}}), "reserved");
  CHECK_ERROR(write_safetensors(path, {{"\xff", floats({1}, {1})}}), "not UTF-8");
  CHECK_ERROR(write_safetensors(path, {}, {{"a", "\xc3"}}), "not UTF-8");
  CHECK_ERROR(write_safetensors(path, {}, {{std::string("a\0b", 3), "c"}}), "holds the character 0");
  CHECK_ERROR(write_safetensors(path, {{"t", HostTensor{ir::DType::f32, {3}, {}}}}), "takes 12 bytes, but holds 0");
  CHECK(read_file(path) == "old");
  CHECK(folder.entries() == 1);
}

TEST_CASE("crc32 is that of ISO 3309") {
  CHECK(crc32("123456789", 9) == 0xcbf43926);
  CHECK(crc32("1234567890123456789", 19) == 0xd36e1319);
  CHECK(crc32("", 0) == 0);
}

TEST_CASE("host tensor: counts and access") {
  CHECK(element_count(std::vector<std::int64_t>{}) == 1);
  CHECK(element_count(std::vector<std::int64_t>{2, 0, 3}) == 0);
  CHECK_ERROR(element_count(std::vector<std::int64_t>{-1}), "negative dim");
  CHECK_ERROR(floats({1, 2}, {3}), "takes 3 values, but 2 were given");
  HostTensor tensor = floats({1, 2}, {2});
  CHECK(tensor.as<float>()[1] == 2);
  CHECK(reinterpret_cast<std::uintptr_t>(tensor.bytes.data()) % 64 == 0);
  CHECK_ERROR(tensor.as<std::int32_t>(), "f32[2]");
}

}  // namespace
}  // namespace weft::runtime
