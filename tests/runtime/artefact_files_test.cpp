// The files of compiled models: what they load and save, and every file that they refuse.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <map>

#include "ir/error.h"
#include "runtime/atomic_file.h"
#include "tests/runtime/hand_made_model.h"

namespace weft {
namespace {

using namespace test;
using runtime::TensorFile;

TEST_CASE("artefact runtime: load goes on from a checkpoint, and save leaves one that training reads") {
  const TempFolder folder;
  const std::string path = write(folder, checkpoint(0xffffffffffffffff, 123));
  const Model model;
  float loss = 0;
  REQUIRE(train(model, 0, &loss) == WEFT_OK);
  REQUIRE(fixture_load(model, path.c_str()) == WEFT_OK);
  CHECK(fixture_steps(model) == 123);
  CHECK(drawn(model)[0] == 0xffffffffffffffff);
  REQUIRE(train(model, 1, &loss) == WEFT_OK);
  CHECK(loss == 124);
  const std::string saved = folder / "b.safetensors";
  REQUIRE(fixture_save(model, saved.c_str()) == WEFT_OK);
  const TensorFile file = runtime::read_safetensors(saved);
  CHECK(file.metadata.at("step") == "124");
  runtime::State state = state_of_fixture();
  state.load(file, saved, runtime::State::Part::all);
  CHECK(state.save().tensors == file.tensors);
  CHECK(file.tensors.at("adam.m.encoder.weight").as<float>()[3] == 1);
}

TEST_CASE("artefact runtime: create takes weights alone") {
  const TempFolder folder;
  TensorFile file = checkpoint(3, 10);
  file.tensors.at("adam.m.encoder.weight").as<float>()[0] = 8;
  const Model model(write(folder, file).c_str());
  REQUIRE(model.code == WEFT_OK);
  CHECK(params(model)[0] == file.tensors.at("encoder.weight").as<float>()[0]);
  CHECK(static_cast<const float*>(fixture_state(model))[16] == 0);
  CHECK(fixture_steps(model) == 0);
  file.tensors.erase("adam.m.encoder.weight");
  const Model bare(write(folder, file).c_str());
  CHECK(bare.code == WEFT_OK);
}

TEST_CASE("artefact runtime: a part of a model takes its tensors from the file of the whole") {
  const TempFolder folder;
  TensorFile file = checkpoint(3, 10);
  fixture* part = nullptr;
  REQUIRE(part_create_checked(&part, write(folder, file).c_str(), FIXTURE_HASH) == WEFT_OK);
  CHECK(static_cast<const float*>(part_params(part))[1] == file.tensors.at("encoder.weight").as<float>()[1]);
  CHECK(part_load(part, (folder / "a.safetensors").c_str()) == WEFT_OK);
  part_destroy(part);
  const auto refused = [&](const char* what) {
    CHECK(part_create_checked(&part, write(folder, file).c_str(), FIXTURE_HASH) == WEFT_WRONG_WEIGHTS);
    CHECK(part == nullptr);
    INFO(part_error(nullptr));
    CHECK(contains(part_error(nullptr), what));
  };
  file.metadata["model"] = "another";
  refused("decoder.kernel is not one of its tensors (the file says: model another, settings hidden=3");
  file.metadata.erase("model");
  refused("decoder.kernel is not one of its tensors");
}

// Neither create nor load takes it; load leaves the model as it was.
void check_refused(const std::string& path, int code, const char* text) {
  CAPTURE(path);
  const Model model;
  CHECK(fixture_load(model, path.c_str()) == code);
  INFO("message: ", model.error());
  CHECK(contains(model.error(), text));
  const Model untouched;
  CHECK(std::memcmp(fixture_params(model), fixture_params(untouched), 4736) == 0);
  CHECK(fixture_steps(model) == 0);
}

void check_create_refused(const std::string& path, int code, const char* text) {
  check_refused(path, code, text);
  const Model model(path.c_str());
  CHECK(model.code == code);
  CHECK(model.model == nullptr);
  CHECK(contains(fixture_error(nullptr), text));
}

TEST_CASE("artefact runtime: weights of another model are refused, and nothing is taken") {
  const TempFolder folder;
  TensorFile file = checkpoint(3, 10);
  const auto without = [&](const char* name) {
    TensorFile less = file;
    less.tensors.erase(name);
    return write(folder, less);
  };
  check_create_refused(without("encoder.bias"), WEFT_WRONG_WEIGHTS,
                       "not the weights of this model: it lacks encoder.bias (the file says: model hand_made");
  check_refused(without("adam.m.encoder.weight"), WEFT_WRONG_WEIGHTS, "it lacks adam.m.encoder.weight");
  const auto replaced = [&](const char* name, ir::DType dtype, std::vector<std::int64_t> shape) {
    TensorFile other = file;
    other.tensors[name] = runtime::HostTensor::zeros(dtype, std::move(shape));
    return write(folder, other);
  };
  check_create_refused(replaced("encoder.weight", ir::DType::f32, {4, 3}), WEFT_WRONG_WEIGHTS,
                       "encoder.weight is F32[4,3] in the file, but F32[3,4] in the model");
  check_create_refused(replaced("norm.count", ir::DType::f32, {}), WEFT_WRONG_WEIGHTS,
                       "norm.count is F32[] in the file, but I32[] in the model");
  check_create_refused(replaced("encoder.bias", ir::DType::f32, {1, 1, 1, 1, 1, 1, 1, 1, 1, 3}), WEFT_WRONG_WEIGHTS,
                       "encoder.bias is F32[1,1,1,1,1,1,1,1,...] in the file");
  file.metadata["model"] = "another";
  check_create_refused(replaced("encoder.extra", ir::DType::f32, {1}), WEFT_WRONG_WEIGHTS,
                       "encoder.extra is not one of its tensors");
}

TEST_CASE("artefact runtime: a checkpoint without its numbers is none") {
  const TempFolder folder;
  TensorFile file = checkpoint(3, 10);
  file.metadata["step"] = "-1";
  check_refused(write(folder, file), WEFT_BAD_FILE, "step = '-1', which is not a number");
  file.metadata["step"] = "18446744073709551616";
  check_refused(write(folder, file), WEFT_BAD_FILE, "which is not a number");
  file.metadata.erase("step");
  check_refused(write(folder, file), WEFT_WRONG_WEIGHTS, "not a checkpoint: its metadata lacks 'step'");
}

TEST_CASE("artefact runtime: files that are none") {
  const TempFolder folder;
  check_create_refused(folder / "none", WEFT_BAD_FILE, "cannot open");
  check_create_refused(folder.path(), WEFT_BAD_FILE, "it is a folder");
  CHECK(fixture_load(Model(), nullptr) == WEFT_BAD_ARGUMENT);
}

TEST_CASE("artefact runtime: every cut of a file is an error and no crash") {
  const TempFolder folder;
  const std::string whole = runtime::read_file(write(folder, checkpoint(3, 10)));
  for (std::size_t size = 0; size < whole.size(); size += size < 1400 ? 1 : 97) {
    const Model model(folder.write("cut", std::string_view(whole).substr(0, size)).c_str());
    REQUIRE(model.code == WEFT_BAD_FILE);
  }
  check_create_refused(folder.write("long", whole + "x"), WEFT_BAD_FILE, "belong to no tensor");
}

TEST_CASE("artefact runtime: a bit that flipped is named by its tensor, and files without checksums are taken") {
  const TempFolder folder;
  const std::string whole = runtime::read_file(write(folder, checkpoint(3, 10)));
  std::uint64_t length = 0;
  std::memcpy(&length, whole.data(), 8);
  std::map<std::string, int> named;
  for (std::size_t byte = 8 + length; byte < whole.size(); byte += 3) {
    std::string flipped = whole;
    flipped[byte] = static_cast<char>(flipped[byte] ^ 4);
    const std::filesystem::path path = folder.write("flipped", flipped);
    const std::string expected = test::error_of([&] { runtime::read_safetensors(path); });
    const Model model;
    REQUIRE(fixture_load(model, path.c_str()) == WEFT_BAD_FILE);
    CHECK(model.error() == expected);
    ++named[expected.substr(expected.find('\''), expected.rfind('\'') - expected.find('\''))];
  }
  CHECK(named.size() == 5);  // every tensor
  TensorFile file = checkpoint(3, 10);
  runtime::write_safetensors(folder / "plain", file.tensors, file.metadata);
  const Model model;
  CHECK(fixture_load(model, (folder / "plain").c_str()) == WEFT_OK);
  file.metadata["step"] = "11";
  std::string changed = whole;
  changed.replace(changed.find(R"("step":"10")"), 11, R"("step":"11")");
  check_refused(folder.write("changed", changed), WEFT_BAD_FILE, "its header is not what was written");
}

TEST_CASE("artefact runtime: weights that are not finite are refused by name, as training refuses them") {
  const TempFolder folder;
  for (const char* name : {"encoder.bias", "decoder.kernel", "encoder.weight"})
    for (const float bad : {NAN, INFINITY, -INFINITY}) {
      TensorFile file = checkpoint(3, 10);
      const auto values = file.tensors.at(name).as<float>();
      values[values.size() - 1] = values[1] = bad;
      const std::string path = write(folder, file);
      runtime::State state = state_of_fixture();
      std::string expected = test::error_of([&] { state.load(file, path, runtime::State::Part::all); });
      CHECK(contains(expected, fmt::format("{} holds 2 of {} values that are not finite, the first at index 1 ({})",
                                           name, values.size(), bad)));
      expected = expected.substr(0, expected.find("; take"));
      check_create_refused(path, WEFT_BAD_FILE, expected.c_str());
    }
  TensorFile file = checkpoint(3, 10);
  file.tensors.at("adam.m.encoder.weight").as<float>()[0] = NAN;  // create takes the weights alone
  check_refused(write(folder, file), WEFT_BAD_FILE, "adam.m.encoder.weight holds 1 of 12 values");
  CHECK(Model((folder / "a.safetensors").c_str()).code == WEFT_OK);
}

// Whatever the C++ reader refuses of a damaged header, the C one refuses too, and neither crashes.
TEST_CASE("artefact runtime: headers with a byte changed are judged as the C++ reader judges them") {
  const TempFolder folder;
  const std::string whole = runtime::read_file(write(folder, checkpoint(3, 10)));
  std::uint64_t length = 0;
  std::memcpy(&length, whole.data(), 8);
  int refused = 0, taken = 0;
  for (std::size_t at = 0; at < 8 + length; ++at)
    for (const char other : {'"', '}', '9', '\\', '\0', ',', '['}) {
      std::string changed = whole;
      changed[at] = other;
      const std::filesystem::path path = folder.write("changed", changed);
      const Model model(path.c_str());
      const std::string expected = test::error_of([&] { runtime::read_safetensors(path); });
      // `create` does not read what the optimizer holds.
      if (expected.empty() || contains(expected, "tensor 'adam.m.encoder.weight' is not what was written")) {
        ++taken;
        continue;
      }
      ++refused;
      CAPTURE(at);
      CAPTURE(other);
      REQUIRE(model.code != WEFT_OK);
      REQUIRE(*fixture_error(nullptr) != '\0');
    }
  CHECK(refused > 1000);
  CHECK(taken > 10);
}

TEST_CASE("artefact runtime: damaged headers") {
  const TempFolder folder;
  const std::string data(8, 'x');
  const struct {
    std::string file;
    const char* text;
  } cases[] = {
      {"", "it holds 0 bytes"},
      {std::string(8, '\xff'), "claims 18446744073709551615 bytes, but the limit"},
      {with_length("{}").substr(0, 9), "claims 2 bytes, but only 1 follow"},
      {with_length("[]"), "does not begin with '{'"},
      {with_length("{\"a\":"), "'a' in its header, at byte 5: it is not an object"},
      {with_length("{\"a"), "a text has no end"},
      {with_length("{} x"), "something follows its end"},
      {with_length(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},})", data), "a name is missing"},
      {with_length(R"({"a":{"dtype":"F32","shape":[2]}})", data), "lacks dtype, shape or data_offsets"},
      {with_length(R"({"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}})", data), "has dtype F64"},
      {with_length(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", data), "has 3 elements of 4 bytes"},
      {with_length(R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", data), "a count is missing"},
      {with_length(R"({"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}})", data), "not whole"},
      {with_length(R"({"a":{"dtype":"F32","shape":[02],"data_offsets":[0,8]}})", data), "begins with 0"},
      {with_length(R"({"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,8]}})", data), "2^62"},
      {with_length(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}})", data), "2^62"},
      {with_length(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", data), "lies at bytes 8 to 0"},
      {with_length(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[4611686018427387904,8]}})", data), "lies at"},
      {with_length(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,9]}})", data), "not a pair"},
      {with_length(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", data), "belong to no tensor"},
      {with_length(
           R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
           data),
       "overlaps"},
      {with_length(
           R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\u0061":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
           data),
       "'a' is listed twice"},
      {with_length(R"({"__metadata__":{"a":1}})"), "a value is not a text"},
      {with_length(R"({"__metadata__":{},"__metadata__":{}})"),
       "'__metadata__' in its header, at byte 34: it is listed twice"},
      {with_length(R"({"\ud800":{}})"), "half a surrogate pair"},
      {with_length(R"({"\u0000":{}})"), "the character 0"},
      {with_length(R"({"\x":{}})"), "an unknown escape"},
      {with_length("{\"\xc3\":{}}"), "a text is not UTF-8"},
      {with_length("{\"\xe0\x80\x80\":{}}"), "a text is not UTF-8"},
      {with_length(R"({"a":{"dtype":"F32","dtype":"U8","shape":[2],"data_offsets":[0,8]}})", data), "a field twice"},
      {with_length(R"({"__metadata__":{"step":"1","step":"2"}})"), "'step' is listed twice in its metadata"},
      {with_length("{\"a\\u001b[31m\\u202eb\\u009b\\nc\":{}}"), "'a?[31m???b???c'"},
      {with_length("{\"a\":{\"b\":" + std::string(100, '[') + "}}"), "nested too deeply"},
  };
  for (const auto& [file, text] : cases) {
    CAPTURE(std::string(text));
    check_create_refused(folder.write("bad", file), WEFT_BAD_FILE, text);
    CHECK_ERROR(runtime::read_safetensors(folder / "bad"), text);
  }
  check_create_refused(folder.write("zero", with_length(std::string("{}\0 ", 4))), WEFT_BAD_FILE,
                       "something follows its end");
}

TEST_CASE("artefact runtime: names and texts with escapes are read") {
  const TempFolder folder;
  TensorFile file = checkpoint(3, 10);
  file.metadata["a \"\\\n\t\x01 \xf0\x9f\x98\x80"] = "b";
  CHECK(Model(write(folder, file).c_str()).code == WEFT_OK);
  const std::string text = with_length(
      R"({"__metadata__":{"seed":"1","step":"2","model":"\u0068and_\ud83d\ude00"},"\u00e9\u20ac\/":{"dtype":"U8","shape":[],"data_offsets":[0,1],"x":[1,-2.5e3,{"y":null}]}})",
      "z");
  check_create_refused(folder.write("escapes", text), WEFT_WRONG_WEIGHTS, "model hand_\xf0\x9f\x98\x80");
}

TEST_CASE("artefact runtime: a file that cannot be written is an error, and leaves what was there") {
  const TempFolder folder;
  const Model model;
  folder.write("kept", "old");
  const auto refused = [&](const std::string& path, const char* text) {
    CAPTURE(path);
    CHECK(fixture_save(model, path.c_str()) == WEFT_BAD_FILE);
    INFO("message: ", model.error());
    CHECK(contains(model.error(), text));
  };
  refused(folder / "none/a", "cannot create");
  refused(folder.path(), "it exists and is not a regular file");
  refused("", "a file name is missing");
  refused((folder / "a/").string(), "a file name is missing");
  {
    const test::FileSizeLimit limit(100);
    refused(folder / "kept", "cannot write");
  }
  CHECK(runtime::read_file(folder / "kept") == "old");
  CHECK(folder.entries() == 1);
  CHECK(fixture_save(model, nullptr) == WEFT_BAD_ARGUMENT);
  std::filesystem::create_symlink("kept", folder / "link");
  CHECK(fixture_save(model, (folder / "link").c_str()) == WEFT_OK);
  CHECK(std::filesystem::is_symlink(folder / "link"));
  CHECK(runtime::read_file(folder / "kept").size() > 3);
}

}  // namespace
}  // namespace weft
