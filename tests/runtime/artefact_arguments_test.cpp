// Bad arguments of the functions of compiled models, and models of other machines and versions.
#include <doctest/doctest.h>

#include <filesystem>

#include "runtime/artefact/sources.h"
#include "runtime/atomic_file.h"
#include "tests/runtime/hand_made_model.h"

namespace weft {
namespace {

using namespace test;
using runtime::TensorFile;

// --- Bad arguments ---------------------------------------------------------------------------------------------------

TEST_CASE("artefact runtime: bad arguments of run are named before anything runs") {
  const Model model;
  alignas(16) float x[12] = {};
  float code[4] = {7, 7, 7, 7};
  const auto refused = [&](int result, const char* text) {
    CHECK(result == WEFT_BAD_ARGUMENT);
    INFO("message: ", model.error());
    CHECK(contains(model.error(), text));
    CHECK(code[0] == 7);
  };
  refused(encode(model, x, sizeof x, code, sizeof code, 3),
          "encode at batch 3: it was compiled for batches of 2, 1; run it in those");
  refused(encode(model, x, sizeof x, code, sizeof code, 0), "encode at batch 0");
  refused(encode(model, x, sizeof x, code, sizeof code, -2), "encode at batch -2");
  refused(fixture_run(model, "decode", 2, nullptr, nullptr, nullptr, nullptr),
          "fixture has no entry 'decode'; it has encode, draw, train_step");
  refused(fixture_run(model, nullptr, 2, nullptr, nullptr, nullptr, nullptr), "no entry '(null)'");
  refused(encode(model, nullptr, 32, code, 8), "the buffer of x, f32[2,4], is null");
  refused(encode(model, x, 32, nullptr, 8), "the buffer of code, f32[2], is null");
  refused(encode(model, x, 31, code, 8), "the buffer of x is short: f32[2,4] takes 32 bytes, it has 31");
  refused(encode(model, x, 32, code, 4), "the buffer of code is short: f32[2] takes 8 bytes, it has 4");
  refused(encode(model, reinterpret_cast<float*>(reinterpret_cast<char*>(x) + 2), 32, code, 8), "is misaligned");
  refused(fixture_run(model, "encode", 2, nullptr, nullptr, nullptr, nullptr),
          "the list of buffers for x and so on is null");
  CHECK(encode(model, x, 32, x + 7, 8) == WEFT_BAD_ARGUMENT);
  CHECK(contains(model.error(), "the buffers of x and code overlap"));
  CHECK(encode(model, x, 32, x + 8, 8) == WEFT_OK);
  CHECK(model.error().empty());
  refused(fixture_prepare(model, "encode", 5), "compiled for batches of 2, 1");
}

TEST_CASE("artefact runtime: a step that fails as it runs is none") {
  const Model model;
  float loss = 0;
  REQUIRE(fixture_threads(model, 7) == WEFT_OK);
  CHECK(train(model, 1, &loss) == WEFT_FAILED);
  CHECK(model.error() == "train_step at batch 2 failed during the run: a thread is lost");
  CHECK(fixture_steps(model) == 0);
  REQUIRE(fixture_threads(model, 1) == WEFT_OK);
  CHECK(train(model, 1, &loss) == WEFT_OK);
  CHECK(fixture_steps(model) == 1);
}

TEST_CASE("artefact runtime: other bad arguments") {
  const Model model;
  CHECK(fixture_set(model, "rate", 1) == WEFT_BAD_ARGUMENT);
  CHECK(model.error() == "set: fixture has no number 'rate'; it has: beta, lr");
  CHECK(fixture_set(model, nullptr, 1) == WEFT_BAD_ARGUMENT);
  for (const int threads : {0, -1, 2000}) CHECK(fixture_threads(model, threads) == WEFT_BAD_ARGUMENT);
  REQUIRE(fixture_threads(model, 100) == WEFT_OK);
  CHECK(fixture_prepare(model, "encode", 2) == WEFT_FAILED);  // what the executor says
  CHECK(contains(model.error(), "cannot prepare encode at batch 2: 100 threads"));
  for (const int code : {fixture_create(nullptr, nullptr), fixture_create_from_manifest(nullptr, "a"),
                         fixture_run(nullptr, "encode", 2, nullptr, nullptr, nullptr, nullptr),
                         fixture_prepare(nullptr, "encode", 2), fixture_init(nullptr, 1), fixture_set(nullptr, "lr", 1),
                         fixture_seed(nullptr, 1, 1), fixture_save(nullptr, "a"), fixture_load(nullptr, "a"),
                         fixture_threads(nullptr, 1), fixture_parallel(nullptr, nullptr, nullptr)})
    CHECK(code == WEFT_BAD_ARGUMENT);
  CHECK(contains(fixture_error(nullptr), "parallel: the model is null"));
  CHECK(fixture_params(nullptr) == nullptr);
  CHECK(fixture_steps(nullptr) == 0);
}

// --- Versions --------------------------------------------------------------------------------------------------------

TEST_CASE("artefact runtime: another cpu, another compile and other tables are refused") {
  fixture* model = nullptr;
  CHECK(fixture_create_checked(&model, nullptr, 1) == WEFT_WRONG_VERSION);
  CHECK(contains(fixture_error(nullptr), "come from different compiles (0000000000000001 and 0123456789abcdef)"));
  CHECK(other_cpu_create_checked(&model, nullptr, FIXTURE_HASH) == WEFT_WRONG_CPU);
  CHECK(contains(other_cpu_error(nullptr), "compiled for the cpu x86-64-v9, and this one lacks no-such-feature"));
  CHECK(other_tables_create_checked(&model, nullptr, FIXTURE_HASH) == WEFT_WRONG_VERSION);
  CHECK(contains(other_tables_error(nullptr), "has tables of version 3"));
  CHECK(model == nullptr);
}

TEST_CASE("artefact runtime: create_from_manifest checks the manifest and finds the weights beside it") {
  const TempFolder folder;
  const TensorFile file = checkpoint(3, 10);
  write(folder, file);
  const auto create = [&](const std::string& text, fixture** model) {
    return fixture_create_from_manifest(model, folder.write("fixture.json", text).c_str());
  };
  fixture* model = nullptr;
  const std::string good = R"({"weft":"0.1.0", "name":"fixture", "tables_version":2, "hash":"0123456789abcdef", )";
  REQUIRE(create(good + R"("weights": "a.safetensors", "entries": [{"a": [1, true]}]})", &model) == WEFT_OK);
  CHECK(static_cast<const float*>(fixture_params(model))[0] == file.tensors.at("encoder.weight").as<float>()[0]);
  fixture_destroy(model);
  REQUIRE(create(good + R"("weights": null})", &model) == WEFT_OK);
  fixture_destroy(model);

  const auto refused = [&](const std::string& text, int code, const char* what) {
    CAPTURE(text);
    CHECK(create(text, &model) == code);
    INFO("message: ", fixture_error(nullptr));
    CHECK(contains(fixture_error(nullptr), what));
    CHECK(model == nullptr);
  };
  refused(good + R"("weights": "none"})", WEFT_BAD_FILE, "cannot open");
  refused(R"({"weft":"9.0", "name":"fixture", "tables_version":2, "hash":"1123456789abcdef"})", WEFT_WRONG_VERSION,
          "comes from another compile (weft 9.0, hash 1123456789abcdef) than the library (weft 0.1.0, hash "
          "0123456789abcdef)");
  refused(R"({"weft":"9.0", "name":"fixture", "tables_version":3, "hash":"0123456789abcdef"})", WEFT_WRONG_VERSION,
          "another compile");
  refused(R"({"weft":"0.1.0", "name":"vae", "tables_version":2, "hash":"0123456789abcdef"})", WEFT_WRONG_VERSION,
          "is the manifest of vae, not of fixture");
  refused("{}", WEFT_BAD_FILE, "not a manifest of weft compile");
  for (std::size_t size = 0; size < good.size(); ++size) refused(good.substr(0, size), WEFT_BAD_FILE, "it is not JSON");
  CHECK(fixture_create_from_manifest(&model, (folder / "none").c_str()) == WEFT_BAD_FILE);
  CHECK(fixture_create_from_manifest(&model, nullptr) == WEFT_BAD_ARGUMENT);
  CHECK(fixture_create_from_manifest_checked(&model, (folder / "fixture.json").c_str(), 1) == WEFT_WRONG_VERSION);
}

TEST_CASE("artefact runtime: describe is the manifest, the embedded texts begin with what the tables need") {
  CHECK(std::string(fixture_describe()) == R"({"name": "fixture"})");
  const auto sources = runtime::artefact_sources(false);
  CHECK(sources[1].first == "tables.h");
  CHECK(sources.size() > 10);
  for (const auto& [name, text] : sources) CHECK_FALSE(contains(text, "#include \"runtime"));
  CHECK(contains(runtime::artefact_interface(), "int @NAME@_run("));
  CHECK(contains(runtime::artefact_interface(), "WEFT_WRONG_CPU = 5"));
}

}  // namespace
}  // namespace weft
