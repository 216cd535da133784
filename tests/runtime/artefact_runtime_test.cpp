// The C behind compiled models, over models made by hand (tests/runtime/artefact/fixture.c): what it does, that it does
// the same bits as the C++ it stands for, and every error.
#include <doctest/doctest.h>
#include <fixture.h>

#include <array>
#include <atomic>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <map>
#include <thread>

#include "ir/text/parse.h"
#include "runtime/artefact/sources.h"
#include "runtime/atomic_file.h"
#include "runtime/state.h"
#include "tests/support/allocations.h"
#include "tests/support/temp_folder.h"
#include "training/data/dataset.h"

extern "C" {
int fake_executors_alive();
extern void (*fake_executor_inside)();
int embedded_create_checked(fixture**, const char*, std::uint64_t);
int embedded_run(fixture*, const char*, std::int64_t, const void* const*, const std::size_t*, void* const*,
                 const std::size_t*);
int embedded_init(fixture*, std::uint64_t);
void* embedded_params(fixture*);
const char* embedded_error(const fixture*);
void embedded_destroy(fixture*);
int part_create_checked(fixture**, const char*, std::uint64_t);
int part_load(fixture*, const char*);
const char* part_error(const fixture*);
void part_destroy(fixture*);
void* part_params(fixture*);
int other_cpu_create_checked(fixture**, const char*, std::uint64_t);
const char* other_cpu_error(const fixture*);
int other_tables_create_checked(fixture**, const char*, std::uint64_t);
const char* other_tables_error(const fixture*);
}

namespace weft {
namespace {

using runtime::TensorFile;
using test::contains;
using test::TempFolder;

// --- Help ------------------------------------------------------------------------------------------------------------

struct Model {
  explicit Model(const char* weights = nullptr) { code = fixture_create(&model, weights); }
  ~Model() { fixture_destroy(model); }
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;
  operator fixture*() const { return model; }
  std::string error() const { return fixture_error(model); }

  fixture* model = nullptr;
  int code = WEFT_OK;
};

int encode(fixture* model, const float* x, std::size_t x_bytes, float* code, std::size_t code_bytes,
           std::int64_t batch = 2) {
  const void* inputs[] = {x};
  void* outputs[] = {code};
  return fixture_run(model, "encode", batch, inputs, &x_bytes, outputs, &code_bytes);
}

int train(fixture* model, std::uint8_t first, float* loss) {
  const std::uint8_t images[8] = {first};
  const void* inputs[] = {images};
  void* outputs[] = {loss};
  const std::size_t input_bytes = sizeof images, output_bytes = sizeof *loss;
  return fixture_run(model, "train_step", 2, inputs, &input_bytes, outputs, &output_bytes);
}

std::array<std::uint64_t, 2> drawn(fixture* model) {
  std::array<std::uint64_t, 2> words{};
  void* outputs[] = {words.data()};
  const std::size_t bytes = sizeof words;
  CHECK(fixture_run(model, "draw", 2, nullptr, nullptr, outputs, &bytes) == WEFT_OK);
  return words;
}

const float* params(const Model& model) { return static_cast<const float*>(fixture_params(model)); }

// The same model as the C++ of training knows it.
runtime::State state_of_fixture() {
  runtime::State state;
  constexpr const char* text = R"(weft 1
module @hand_made
graph @train(
  %encoder.weight: f32[3,4] {role=param, init=uniform(-0.5,0.25)},
  %encoder.bias: f32[3] {role=param, init=constant(0.1)},
  %decoder.kernel: f32[16,8,3,3] {role=param, init=normal(0.5,2)},
  %norm.count: i32[] {role=state, init=constant(7)},
  %adam.m: f32[12] {role=state, slots=[encoder.weight: f32[3,4] at 0]}
) -> (w: f32[3,4]) {
  return %encoder.weight
}
)";
  state.add(ir::parse(text, "test").graphs.front());
  return state;
}

// A checkpoint of it, as training writes them.
TensorFile checkpoint(std::uint64_t seed, std::uint64_t step) {
  runtime::State state = state_of_fixture();
  state.init(seed);
  TensorFile file = state.save();
  file.metadata["weft"] = "0.1.0";
  file.metadata["model"] = "hand_made";
  file.metadata["settings"] = R"(hidden=3 name="a\b")";
  file.metadata["seed"] = std::to_string(seed);
  file.metadata["step"] = std::to_string(step);
  return file;
}

std::string write(const TempFolder& folder, const TensorFile& file, const char* name = "a.safetensors") {
  runtime::write_safetensors(folder / name, file.tensors, file.metadata, {.checksums = runtime::Checksums::crc32});
  return folder / name;
}

std::string with_length(const std::string& header, const std::string& data = "") {
  const std::uint64_t length = header.size();
  std::string file(8, '\0');
  std::memcpy(file.data(), &length, 8);
  return file + header + data;
}

// --- The same bits as the C++ ----------------------------------------------------------------------------------------

TEST_CASE("artefact runtime: init and save write byte for byte the checkpoint that training writes") {
  const TempFolder folder;
  for (const std::uint64_t seed : {std::uint64_t{1}, std::uint64_t{77}, std::uint64_t{0x123456789abcdef}}) {
    const Model model;
    REQUIRE(fixture_init(model, seed) == WEFT_OK);
    REQUIRE(fixture_save(model, (folder / "c.safetensors").c_str()) == WEFT_OK);
    CHECK(runtime::read_file(folder / "c.safetensors") == runtime::read_file(write(folder, checkpoint(seed, 0))));
  }
  CHECK(folder.entries() == 2);
}

TEST_CASE("artefact runtime: create without weights starts as seed 1 does") {
  const Model fresh, seeded;
  REQUIRE(fixture_init(seeded, 1) == WEFT_OK);
  CHECK(std::memcmp(fixture_params(fresh), fixture_params(seeded), 4736) == 0);
  CHECK(std::memcmp(fixture_state(fresh), fixture_state(seeded), 128) == 0);
}

TEST_CASE("artefact runtime: kernels lie in blocks, and in files row-major") {
  const TempFolder folder;
  const TensorFile file = checkpoint(5, 0);
  const Model model(write(folder, file).c_str());
  REQUIRE(model.code == WEFT_OK);
  const auto rows = file.tensors.at("decoder.kernel").as<float>();
  const float* laid = params(model) + 32;
  const auto at = [&](int o, int i, int y, int x) {  // OIhw2i8o4i
    const int outer = (((o / 8) * 1 + i / 8) * 3 + y) * 3 + x;
    return laid[((outer * 2 + i / 4 % 2) * 8 + o % 8) * 4 + i % 4];
  };
  for (int i = 0; i < 16 * 8 * 9; ++i) REQUIRE(at(i / 72, i / 9 % 8, i / 3 % 3, i % 3) == rows[std::size_t(i)]);
}

TEST_CASE("artefact runtime: the order of an epoch is that of training") {
  for (const std::int64_t count : {0, 1, 2, 1000}) {
    std::vector<std::int32_t> order(static_cast<std::size_t>(count));
    REQUIRE(fixture_order(42, 3, count, order.data()) == WEFT_OK);
    const std::vector<std::int64_t> expected = training::shuffled_indices(count, 42, 3);
    CHECK(std::equal(order.begin(), order.end(), expected.begin(), expected.end()));
  }
  CHECK(fixture_order(1, 1, -1, nullptr) == WEFT_BAD_ARGUMENT);
  CHECK(contains(fixture_error(nullptr), "give a count"));
  CHECK(fixture_order(1, 1, 3, nullptr) == WEFT_BAD_ARGUMENT);
  CHECK(contains(fixture_error(nullptr), "null"));
}

// --- Running ---------------------------------------------------------------------------------------------------------

TEST_CASE("artefact runtime: run gives an entry the caller's buffers, the weights and nothing else") {
  Model model;
  REQUIRE(model.code == WEFT_OK);
  const float x[8] = {1, 2, 3, 4, 0, 0, 0, 1};
  float code[2] = {};
  REQUIRE(encode(model, x, sizeof x, code, sizeof code) == WEFT_OK);
  const float* w = params(model);
  CHECK(code[0] == 0.1F + 1 * w[0] + 2 * w[1] + 3 * w[2] + 4 * w[3]);
  CHECK(code[1] == 0.1F + w[3]);
  float one = 0;
  REQUIRE(encode(model, x + 4, 16, &one, sizeof one, 1) == WEFT_OK);
  CHECK(one == code[1]);
}

TEST_CASE("artefact runtime: a training step changes weights, takes hypers and counts") {
  const Model model;
  const float before = params(model)[0];
  float loss = 0;
  REQUIRE(train(model, 10, &loss) == WEFT_OK);
  CHECK(loss == 10);
  CHECK(params(model)[0] == before + 0.5F);
  CHECK(static_cast<const float*>(fixture_state(model))[16] == 1);
  CHECK(fixture_steps(model) == 1);
  REQUIRE(fixture_set(model, "lr", 0.25) == WEFT_OK);
  REQUIRE(train(model, 10, &loss) == WEFT_OK);
  CHECK(loss == 11);  // the number of the step
  CHECK(params(model)[0] == before + 0.5F + 0.25F);
  CHECK(fixture_steps(model) == 2);
  REQUIRE(fixture_init(model, 1) == WEFT_OK);
  CHECK(fixture_steps(model) == 0);
  CHECK(params(model)[0] == before);
}

TEST_CASE("artefact runtime: random numbers of other entries come from steps that no training reaches") {
  const Model model;
  float loss = 0;
  const std::uint64_t far = std::uint64_t{3} << 61;
  CHECK(drawn(model) == std::array<std::uint64_t, 2>{1, far});
  REQUIRE(train(model, 0, &loss) == WEFT_OK);
  CHECK(drawn(model) == std::array<std::uint64_t, 2>{1, far});
  REQUIRE(fixture_init(model, 9) == WEFT_OK);
  CHECK(drawn(model) == std::array<std::uint64_t, 2>{9, far});
  REQUIRE(fixture_seed(model, 5, 6) == WEFT_OK);
  CHECK(drawn(model) == std::array<std::uint64_t, 2>{5, 6});
}

TEST_CASE("artefact runtime: after the first run of a program nothing is allocated") {
  const Model model;
  const float x[8] = {1};
  float code[2], loss;
  REQUIRE(encode(model, x, sizeof x, code, sizeof code) == WEFT_OK);
  REQUIRE(fixture_prepare(model, "train_step", 2) == WEFT_OK);
  const test::Allocations allocations = test::count_allocations([&] {
    for (int i = 0; i < 3; ++i) {
      encode(model, x, sizeof x, code, sizeof code);
      train(model, 1, &loss);
    }
  });
  CHECK(fixture_steps(model) == 3);
  CHECK(allocations.ours == 0);
}

TEST_CASE("artefact runtime: destroy frees what runs made; other threads make them anew") {
  const int before = fake_executors_alive();
  {
    const Model model;
    float code[2], loss;
    const float x[8] = {};
    REQUIRE(encode(model, x, sizeof x, code, sizeof code) == WEFT_OK);
    REQUIRE(train(model, 1, &loss) == WEFT_OK);
    CHECK(fake_executors_alive() == before + 2);
    REQUIRE(fixture_threads(model, 2) == WEFT_OK);
    CHECK(fake_executors_alive() == before);
    REQUIRE(encode(model, x, sizeof x, code, sizeof code) == WEFT_OK);
    CHECK(fake_executors_alive() == before + 1);
  }
  CHECK(fake_executors_alive() == before);
  fixture_destroy(nullptr);
}

TEST_CASE("artefact runtime: models of their own may run on threads of their own") {
  std::array<float, 4> sums{};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < sums.size(); ++i)
    threads.emplace_back([&, i] {
      const Model model;
      fixture_init(model, i);
      float loss = 0;
      for (int step = 0; step < 100; ++step) train(model, 0, &loss);
      fixture_run(nullptr, "encode", 2, nullptr, nullptr, nullptr, nullptr);  // an error of this thread
      fixture_create(nullptr, nullptr);
      sums[i] = params(model)[0];
    });
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const Model model;
    REQUIRE(fixture_init(model, i) == WEFT_OK);
    float loss = 0;
    for (int step = 0; step < 100; ++step) train(model, 0, &loss);
    CHECK(sums[i] == params(model)[0]);
  }
}

namespace {

std::atomic<bool> is_inside{false}, may_leave{false};

}  // namespace

TEST_CASE("artefact runtime: a model that a thread is using is busy for every other") {
  const TempFolder folder;
  const Model model, free_model;
  REQUIRE(fixture_save(model, (folder / "c").c_str()) == WEFT_OK);
  is_inside = may_leave = false;
  fake_executor_inside = [] {
    is_inside = true;
    while (!may_leave) std::this_thread::yield();
  };
  const float x[8] = {1};
  float code[2], other_code[2], loss = -1;
  int first = -1;
  std::thread thread([&] { first = encode(model, x, sizeof x, code, sizeof code); });
  while (!is_inside) std::this_thread::yield();
  for (const int refused : {encode(model, x, sizeof x, other_code, sizeof other_code), train(model, 0, &loss),
                            fixture_prepare(model, "encode", 1), fixture_threads(model, 2), fixture_set(model, "lr", 1),
                            fixture_seed(model, 1, 2), fixture_init(model, 1),
                            fixture_save(model, (folder / "d").c_str()), fixture_load(model, (folder / "c").c_str())})
    CHECK(refused == WEFT_BUSY);
  CHECK(contains(model.error(), "another thread is using this model"));
  CHECK(fixture_params(model) == nullptr);
  CHECK(fixture_state(model) == nullptr);
  CHECK(loss == -1);
  CHECK(folder.entries() == 1);
  CHECK(free_model.error().empty());  // a model of its own is not
  CHECK(fixture_seed(free_model, 1, 2) == WEFT_OK);
  may_leave = true;
  thread.join();
  fake_executor_inside = nullptr;
  CHECK(first == WEFT_OK);
  CHECK(fixture_steps(model) == 0);
  CHECK(fixture_seed(model, 5, 6) == WEFT_OK);
  CHECK(model.error().empty());
  CHECK(drawn(model) == std::array<std::uint64_t, 2>{5, 6});
}

TEST_CASE("artefact runtime: threads that share a model get its numbers or WEFT_BUSY") {
  const Model model;
  const float x[8] = {1, 2, 3, 4};
  float wanted[2];
  REQUIRE(encode(model, x, sizeof x, wanted, sizeof wanted) == WEFT_OK);
  std::atomic<int> done{0}, busy{0}, wrong{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int run = 0; run < 5000; ++run) {
        float code[2] = {-1, -1};
        const int result = encode(model, x, sizeof x, code, sizeof code);
        ++(result == WEFT_OK ? done : busy);
        if (result == WEFT_OK ? code[0] != wanted[0] || code[1] != wanted[1] : result != WEFT_BUSY || code[0] != -1)
          ++wrong;
      }
    });
  for (std::thread& thread : threads) thread.join();
  MESSAGE(done.load() << " runs, " << busy.load() << " refused");
  CHECK(wrong == 0);
  CHECK(done > 0);
}

TEST_CASE("artefact runtime: embedded weights are used in place, and copied before they are written to") {
  fixture *a = nullptr, *b = nullptr;
  REQUIRE(embedded_create_checked(&a, nullptr, FIXTURE_HASH) == WEFT_OK);
  REQUIRE(embedded_create_checked(&b, nullptr, FIXTURE_HASH) == WEFT_OK);
  const float x[4] = {1, 1, 1, 1};
  float code = 0;
  const void* inputs[] = {x};
  void* outputs[] = {&code};
  const std::size_t x_bytes = sizeof x, code_bytes = sizeof code;
  REQUIRE(embedded_run(a, "encode", 1, inputs, &x_bytes, outputs, &code_bytes) == WEFT_OK);
  CHECK(code == 10.5F);
  // A training step of one model is none of the other.
  const std::uint8_t images[8] = {};
  const void* batch[] = {images};
  const std::size_t batch_bytes = sizeof images;
  REQUIRE(embedded_run(a, "train_step", 2, batch, &batch_bytes, outputs, &code_bytes) == WEFT_OK);
  REQUIRE(embedded_run(a, "encode", 1, inputs, &x_bytes, outputs, &code_bytes) == WEFT_OK);
  CHECK(code == 12.5F);
  REQUIRE(embedded_run(b, "encode", 1, inputs, &x_bytes, outputs, &code_bytes) == WEFT_OK);
  CHECK(code == 10.5F);
  auto* params = static_cast<float*>(embedded_params(b));
  REQUIRE(params);
  params[0] = 3;
  REQUIRE(embedded_run(b, "encode", 1, inputs, &x_bytes, outputs, &code_bytes) == WEFT_OK);
  CHECK(code == 12.5F);
  REQUIRE(embedded_init(b, 4) == WEFT_OK);
  CHECK(embedded_params(b) == params);  // it stays where it is
  embedded_destroy(a);
  embedded_destroy(b);
}

// --- Files -----------------------------------------------------------------------------------------------------------

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
  check_create_refused(folder.path(), WEFT_BAD_FILE, "it is not a regular file");
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
      {with_length("{}").substr(0, 9), "claims 2 bytes, but fewer follow"},
      {with_length("[]"), "does not begin with '{'"},
      {with_length("{\"a\":"), "a tensor is not an object"},
      {with_length("{\"a"), "a text has no end"},
      {with_length("{} x"), "something follows its end"},
      {with_length(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},})", data), "a text is missing"},
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
      {with_length(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,9]}})", data), "not two"},
      {with_length(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", data), "belong to no tensor"},
      {with_length(
           R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
           data),
       "overlaps"},
      {with_length(
           R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\u0061":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
           data),
       "'a' is listed twice"},
      {with_length(R"({"__metadata__":{"a":1}})"), "a text is missing"},
      {with_length(R"({"__metadata__":{},"__metadata__":{}})"), "__metadata__ is listed twice"},
      {with_length(R"({"\ud800":{}})"), "half a surrogate pair"},
      {with_length(R"({"\u0000":{}})"), "the character 0"},
      {with_length(R"({"\x":{}})"), "an unknown escape"},
      {with_length("{\"\xc3\":{}}"), "a text is not UTF-8"},
      {with_length("{\"\xe0\x80\x80\":{}}"), "a text is not UTF-8"},
      {with_length(R"({"a":{"dtype":"F32","dtype":"U8","shape":[2],"data_offsets":[0,8]}})", data), "a field twice"},
      {with_length(R"({"__metadata__":{"step":"1","step":"2"}})"), "lists a name twice"},
      {with_length("{\"a\\u001b[31m\\u202eb\\u009b\\nc\":{}}"), "'a?[31m???b???c'"},
      {with_length("{\"a\":{\"b\":" + std::string(100, '[') + "}}"), "nested too deeply"},
  };
  for (const auto& [file, text] : cases) {
    CAPTURE(std::string(text));
    check_create_refused(folder.write("bad", file), WEFT_BAD_FILE, text);
    CHECK(!test::error_of([&] { runtime::read_safetensors(folder / "bad"); }).empty());
  }
  check_create_refused(folder.write("zero", with_length(std::string("{}\0 ", 4))), WEFT_BAD_FILE,
                       "something follows its end");
  CHECK_ERROR(runtime::read_safetensors(folder / "zero"), "it holds the byte 0");
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
  for (const int code :
       {fixture_create(nullptr, nullptr), fixture_create_from_manifest(nullptr, "a"),
        fixture_run(nullptr, "encode", 2, nullptr, nullptr, nullptr, nullptr), fixture_prepare(nullptr, "encode", 2),
        fixture_init(nullptr, 1), fixture_set(nullptr, "lr", 1), fixture_seed(nullptr, 1, 1),
        fixture_save(nullptr, "a"), fixture_load(nullptr, "a"), fixture_threads(nullptr, 1)})
    CHECK(code == WEFT_BAD_ARGUMENT);
  CHECK(contains(fixture_error(nullptr), "threads: the model is null"));
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
  CHECK(contains(other_tables_error(nullptr), "has tables of version 2"));
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
  const std::string good = R"({"weft":"0.1.0", "name":"fixture", "tables_version":1, "hash":"0123456789abcdef", )";
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
  refused(R"({"weft":"9.0", "name":"fixture", "tables_version":1, "hash":"1123456789abcdef"})", WEFT_WRONG_VERSION,
          "comes from another compile (weft 9.0, hash 1123456789abcdef) than the library (weft 0.1.0, hash "
          "0123456789abcdef)");
  refused(R"({"weft":"9.0", "name":"fixture", "tables_version":2, "hash":"0123456789abcdef"})", WEFT_WRONG_VERSION,
          "of another compile");
  refused(R"({"weft":"0.1.0", "name":"vae", "tables_version":1, "hash":"0123456789abcdef"})", WEFT_WRONG_VERSION,
          "is the manifest of vae, not of fixture");
  refused("{}", WEFT_BAD_FILE, "not a manifest of weft compile");
  for (std::size_t size = 0; size < good.size(); ++size) refused(good.substr(0, size), WEFT_BAD_FILE, "it is not JSON");
  CHECK(fixture_create_from_manifest(&model, (folder / "none").c_str()) == WEFT_BAD_FILE);
  CHECK(fixture_create_from_manifest(&model, nullptr) == WEFT_BAD_ARGUMENT);
  CHECK(fixture_create_from_manifest_checked(&model, (folder / "fixture.json").c_str(), 1) == WEFT_WRONG_VERSION);
}

TEST_CASE("artefact runtime: describe is the manifest, the embedded texts begin with the tables") {
  CHECK(std::string(fixture_describe()) == R"({"name": "fixture"})");
  const auto sources = runtime::artefact_sources(false);
  CHECK(sources.front().first == "tables.h");
  CHECK(sources.size() > 10);
  for (const auto& [name, text] : sources) CHECK_FALSE(contains(text, "#include \"runtime"));
  CHECK(contains(runtime::artefact_interface(), "int @NAME@_run("));
  CHECK(contains(runtime::artefact_interface(), "WEFT_WRONG_CPU = 5"));
}

}  // namespace
}  // namespace weft
