// The backend cuda as a whole, run on the host (cuda-emulated) or on a GPU: every model of the zoo against the
// reference, the same bits each time, and all of its source through NVRTC where that is installed.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>

#include "backends/compile.h"
#include "backends/cuda/device/disk_cache.h"
#include "backends/cuda/device/nvrtc.h"
#include "backends/reference/reference.h"
#include "ir/error.h"
#include "passes/expr.h"
#include "passes/pipeline.h"
#include "tests/backends/cuda/cuda_run.h"
#include "tests/support/random_graph.h"
#include "tests/support/temp_folder.h"
#include "training/feed.h"
#include "training/session.h"
#include "training/step.h"
#include "training/trainer.h"

using namespace weft;
using namespace weft::test;
using namespace weft::training;

// Adam divides by the root of a mean of squares: a gradient near zero, of which rounding is a large part, may move a
// param by the whole learning rate, 1e-3, one way or the other. Measured: 2.4e-4 at most, and 2e-6 of metrics.
TEST_CASE("steps of every model follow the reference's") {
  const DatasetSplits data = few_digits();
  for (const Model& model : models::all()) {
    CAPTURE(model.name);
    Session gpu = session_of(model, kGpu), reference = session_of(model, "reference");
    double worst_metric = 0, worst_param = 0;
    for (int step = 0; step < 3; ++step) {
      for (Session* each : {&gpu, &reference}) each->step(data.train, batch_of(step));
      const auto values = gpu.read_metrics(), expected = reference.read_metrics();
      REQUIRE(values.size() == expected.size());
      for (std::size_t i = 0; i < expected.size(); ++i)
        worst_metric = std::max(worst_metric, double(std::abs(values[i] - expected[i])) / (1 + std::abs(expected[i])));
    }
    const auto trained = gpu.save().tensors, expected = reference.save().tensors;
    REQUIRE(trained.size() == expected.size());
    for (const auto& [name, tensor] : expected) {
      CAPTURE(name);
      const double away = distance(trained.at(name), tensor);
      CHECK(away < 2e-3);
      worst_param = std::max(worst_param, away);
    }
    CHECK(worst_metric < 2e-5);
    MESSAGE(model.name << ": metrics differ by " << worst_metric << " at most, state by " << worst_param);
  }
}

TEST_CASE("every entry that takes pictures gives what the reference gives") {
  const DatasetSplits data = few_digits();
  for (const Model& model : models::all()) {
    CAPTURE(model.name);
    Session gpu = session_of(model, kGpu), reference = session_of(model, "reference");
    const Metrics measured = gpu.evaluate(data.test), expected = reference.evaluate(data.test);
    for (std::size_t i = 0; i < expected.size(); ++i)
      CHECK(measured[i].second == doctest::Approx(expected[i].second).epsilon(1e-4));
    for (const ir::Graph& entry : gpu.module().graphs) {
      const bool is_loss = entry.find_output("loss") != ir::kNone;
      if (is_loss || entry.find_input(kSamplesInput) == ir::kNone) continue;
      CAPTURE(entry.name);
      const auto outputs = gpu.run(entry.name, data.test), wanted = reference.run(entry.name, data.test);
      REQUIRE(!wanted.empty());
      for (const auto& [name, tensor] : wanted) CHECK(distance(outputs.at(name), tensor) < 1e-4);
    }
  }
}

TEST_CASE("the same steps give the same bits") {
  const DatasetSplits data = few_digits();
  for (const char* name : {"conv_vae", "simclr"}) {
    CAPTURE(name);
    Session one = session_of(models::find(name), kGpu), two = session_of(models::find(name), kGpu);
    for (int step = 0; step < 2; ++step)
      for (Session* each : {&one, &two}) each->step(data.train, batch_of(step));
    CHECK(one.save().tensors == two.save().tensors);
  }
}

TEST_CASE("a training goes on from the file of another backend, and evaluates alike") {
  const DatasetSplits data = few_digits();
  TrainOptions options;
  options.epochs = 2;
  Session gpu = session_of(models::find("vae"), kGpu), reference = session_of(models::find("vae"), "reference");
  std::vector<EpochResult> epochs, expected_epochs;
  TrainHooks hooks, expected_hooks;
  hooks.epoch = [&](const EpochResult& epoch) { epochs.push_back(epoch); };
  expected_hooks.epoch = [&](const EpochResult& epoch) { expected_epochs.push_back(epoch); };
  const Outcome outcome = train(gpu, data, options, hooks), expected = train(reference, data, options, expected_hooks);
  REQUIRE(epochs.size() == 2);
  for (std::size_t i = 0; i < epochs.size(); ++i)
    for (std::size_t j = 0; j < epochs[i].train.size(); ++j)
      CHECK(epochs[i].train[j].second == doctest::Approx(expected_epochs[i].train[j].second).epsilon(1e-4));
  REQUIRE(outcome.test.size() == expected.test.size());
  for (std::size_t i = 0; i < expected.test.size(); ++i)
    CHECK(outcome.test[i].second == doctest::Approx(expected.test[i].second).epsilon(1e-3));

  Session restored = session_of(models::find("vae"), kGpu);
  restored.restore(reference.save(), "memory");
  CHECK(restored.save().tensors == reference.save().tensors);
  CHECK(restored.evaluate(data.train)[0].second == doctest::Approx(reference.evaluate(data.train)[0].second));
  // A data set at another time, another at the same place: programs see what is there now.
  DatasetSplits other = few_digits();
  const double before = restored.evaluate(other.test)[0].second;
  for (std::uint8_t& pixel : other.test.samples.as<std::uint8_t>()) pixel = static_cast<std::uint8_t>(255 - pixel);
  CHECK(restored.evaluate(other.test)[0].second != before);
}

// Metrics wait on a device for many steps, but the step they went wrong at is told all the same.
TEST_CASE("a training that diverges names the step at which it did") {
  const DatasetSplits data = few_digits();
  TrainOptions options;
  options.epochs = 1;
  const auto message = [&](const std::string& backend) -> std::string {
    SessionOptions session_options;
    session_options.backend = backend;
    session_options.batch = kBatch;
    session_options.optimizer.learning_rate = 1e30;
    Session session(module_of(models::find("autoencoder")), session_options);
    try {
      train(session, data, options);
    } catch (const Diverged& diverged) {
      return std::string(diverged.what()).substr(0, 35);  // of the same step; what it measured may be NaN or infinity
    }
    return "";
  };
  const std::string expected = message("reference");
  CHECK(expected.starts_with("training diverged at step 2 of 6"));
  CHECK(message(kGpu) == expected);
}

TEST_CASE("random graphs equal the reference") {
  for (unsigned seed = 0; seed < 8; ++seed) {
    CAPTURE(seed);
    const ir::GraphPtr graph = test::random_graph(seed);
    const auto inputs = test::random_inputs(*graph, seed + 1);
    const auto expected = reference::run<double>(*graph, inputs);
    CHECK(test::largest_difference(run_on(kGpu, graph, inputs), expected) < 2e-4);
  }
}

TEST_CASE("random numbers have the reference's bits") {
  ir::Builder builder("draw");
  const passes::Expr rng{&builder, builder.input("rng", ir::i32({4}), ir::Role::rng)};
  for (const std::int64_t size : {1, 3, 257, 5000}) {
    ir::Attrs attrs;
    attrs.set(ir::Attr::stream, size);
    const std::string name = fmt::format("u{}", size);
    builder.output(name, passes::apply(ir::OpCode::random_uniform, {rng}, attrs, ir::f32({size})).id);
  }
  const ir::GraphPtr graph = std::make_shared<const ir::Graph>(builder.take());
  const std::vector<Tensor> inputs{{ir::i32({4}), {7, -3, 11, 5}}};
  const auto bits = run_on(kGpu, graph, inputs), expected = run_on("reference", graph, inputs);
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(bits[i].data == expected[i].data);
}

TEST_CASE("the source of every model's step compiles for GPUs, and says where its kernels come from") {
  const cuda::Nvrtc* nvrtc = cuda::Nvrtc::find();
  if (!nvrtc) MESSAGE("skipped: compiling, for " << cuda::Nvrtc::missing());
  for (const Model& model : models::all()) {
    CAPTURE(model.name);
    passes::Context context;
    const ir::GraphPtr step = training_step(module_of(model), {}, context);
    CompileOptions options;
    options.bind = {{"B", kBatch}, {std::string(kSizeSymbol), 100}};
    for (const Precision precision : {Precision::f32, Precision::bf16}) {
      options.precision = precision;
      options.backend = "cuda";
      const std::string source = kernel_source(step, options);
      CHECK(source.find("__global__") != std::string::npos);
      CHECK(source.find(".cpp:") != std::string::npos);
      if (!nvrtc) continue;
      for (const char* architecture : {"sm_80", "sm_90"})
        if (precision == Precision::f32 || architecture == std::string("sm_90"))
          CHECK(nvrtc->compile(source, "step", architecture).size() > 1000);
    }
  }
}

TEST_CASE("errors: an op without code, a machine without a GPU") {
  ir::Builder builder("halves");
  builder.set_where({"net", "model.cpp", 7});
  const ir::Type half{ir::DType::f16, {2, 2}};
  const ir::ValueId x = builder.input("x", half);
  builder.output("y", builder.create(ir::OpCode::matmul, {x, x}));
  const ir::GraphPtr graph = std::make_shared<const ir::Graph>(builder.take());
  CompileOptions options;
  options.backend = kGpu;
  CHECK_THROWS_WITH_AS(compile(graph, options),
                       doctest::Contains("model.cpp:7 (net): the backend cuda has no code for matmul of f16[2,2]"),
                       Error);
  options.backend = "cuda";
  const std::vector<Finding> findings = find_needs("cuda");
  bool complete = !findings.empty();
  for (const Finding& finding : findings) complete = complete && finding.found;
  if (!complete) CHECK_THROWS_WITH_AS(compile(graph, options), doctest::Contains("backend"), Error);
  for (const Finding& finding : findings) {
    CAPTURE(finding.what);
    CHECK(!finding.text.empty());
    CHECK(finding.text.find(" lacks ") == std::string::npos);  // a function that the headers declare
    CHECK(!finding.advice.empty());
  }
}

TEST_CASE("the cache of compiled code makes a file once, and stays within its limit") {
  const test::TempFolder folder;
  setenv("XDG_CACHE_HOME", folder.path().c_str(), 1);
  const cuda::DiskCache cache("test", 1000);
  int made = 0;
  const auto file = [&](const std::string& content) {
    return cache.file(content, ".bin", [&](const std::filesystem::path& path) {
      ++made;
      std::ofstream(path) << std::string(400, 'x');
    });
  };
  const auto first = file("one");
  CHECK(file("one") == first);
  CHECK(made == 1);
  for (const char* content : {"two", "three", "four"}) {
    CHECK(std::filesystem::exists(file(content)));
    std::size_t bytes = 0;
    for (const auto& entry : std::filesystem::directory_iterator(cache.folder())) bytes += entry.file_size();
    CHECK(bytes <= 1000);
  }
  CHECK(!std::filesystem::exists(first));
  unsetenv("XDG_CACHE_HOME");
}

TEST_CASE("the cache of compiled code is private, and a file that changed is made again") {
  namespace fs = std::filesystem;
  const test::TempFolder home;
  setenv("XDG_CACHE_HOME", home.path().c_str(), 1);
  const auto make = [](const fs::path& path) { std::ofstream(path) << "code"; };
  const cuda::DiskCache cache("test", 1000);
  constexpr fs::perms kOthers = fs::perms::group_all | fs::perms::others_all;
  CHECK((fs::status(cache.folder()).permissions() & kOthers) == fs::perms::none);
  CHECK((fs::status(cache.folder().parent_path()).permissions() & kOthers) == fs::perms::none);

  const fs::path path = cache.file("one", ".bin", make);
  std::ofstream(path) << "evil";
  const fs::path again = cache.file("one", ".bin", make);
  CHECK(again == path);
  std::string text;
  std::ifstream(again) >> text;
  CHECK(text == "code");

  fs::permissions(cache.folder(), fs::perms::group_write, fs::perm_options::add);
  CHECK_THROWS_WITH_AS(cuda::DiskCache("test", 1000), doctest::Contains("you alone can write to"), Error);
  fs::remove_all(cache.folder());
  fs::create_directory_symlink(home.path(), cache.folder());
  CHECK_THROWS_WITH_AS(cuda::DiskCache("test", 1000), doctest::Contains("you alone can write to"), Error);
  unsetenv("XDG_CACHE_HOME");
}

TEST_CASE("ops that no kernel took in: padding inside strided memory, indices, a lone random number") {
  ir::Builder builder("lone");
  const passes::Expr x{&builder, builder.input("x", ir::f32({3, 4}))};
  const passes::Expr padded = passes::pad(x, {1, 2}, {5, 7});
  builder.output("padded", padded.id);
  builder.output("beside", passes::concat({passes::pad(x, {0, 1}, {3, 6}), x}, 1).id);
  builder.output("count", passes::iota(builder, ir::f32({6}), 0).id);
  const ir::GraphPtr graph = std::make_shared<const ir::Graph>(builder.take());
  const auto inputs = test::random_inputs(*graph, 1);
  const auto outputs = run_on(kGpu, graph, inputs), expected = run_on("reference", graph, inputs);
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(outputs[i].data == expected[i].data);
}

// n rows of 24 numbers of which `kinds` differ, so that a few similarities tell the sums over all: row i is of kind
// i % kinds. Enough rows take the kernels for many rows, which a GPU alone is quick enough for.
TEST_CASE("similarities of rows that repeat, in every form that a number of rows has") {
  constexpr std::int64_t kinds = 40, width = 24;
  std::vector<std::int64_t> sizes{200};
  if (kGpu == "cuda") sizes = {200, 1000, 18000, 33900};  // the last two: wide tiles, and each pair of them once
  for (const std::int64_t n : sizes) {
    CAPTURE(n);
    ir::Builder builder("similarity");
    const auto input = [&](const char* name, ir::Dims dims) {
      return passes::Expr{&builder, builder.input(name, ir::f32(std::move(dims)))};
    };
    const passes::Expr x = input("x", {n, width}), r = input("r", {n, 1}), w = input("w", {n, 1});
    const passes::Expr lse = passes::apply(ir::OpCode::similarity_lse, {x, r});
    builder.output("lse", lse.id);
    builder.output("dx", passes::apply(ir::OpCode::similarity_lse_grad, {x, r, lse, w}).id);
    const ir::GraphPtr graph = std::make_shared<const ir::Graph>(builder.take());

    const auto number = [](std::int64_t i, std::int64_t k) { return double(std::sin(1.3F * float(i * width + k))); };
    const auto scale = [](std::int64_t i) { return double(0.5F + 0.01F * float(i)); };
    std::vector<Tensor> inputs;
    for (const ir::Input& each : graph->inputs) inputs.push_back(reference::filled(graph->type(each.value), 0));
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t k = 0; k < width; ++k) inputs[0].data[std::size_t(i * width + k)] = number(i % kinds, k);
      inputs[1].data[std::size_t(i)] = scale(i % kinds);
      inputs[2].data[std::size_t(i)] = 1.0 / double(n);
    }
    std::vector<double> s(kinds * kinds), sums(kinds), of_many(kinds);
    for (std::int64_t a = 0; a < kinds; ++a) {
      of_many[std::size_t(a)] = double(n / kinds + (a < n % kinds ? 1 : 0));
      for (std::int64_t b = 0; b < kinds; ++b)
        for (std::int64_t k = 0; k < width; ++k)
          s[std::size_t(a * kinds + b)] += scale(a) * scale(b) * number(a, k) * number(b, k);
    }
    const auto others = [&](std::int64_t a, std::int64_t b) { return of_many[std::size_t(b)] - (a == b ? 1 : 0); };
    for (std::int64_t a = 0; a < kinds; ++a)
      for (std::int64_t b = 0; b < kinds; ++b)
        sums[std::size_t(a)] += others(a, b) * std::exp(s[std::size_t(a * kinds + b)]);

    const auto outputs = run_on(kGpu, graph, inputs);
    double worst_lse = 0, worst_dx = 0, largest_dx = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      const std::int64_t a = i % kinds;
      const double expected = std::log(sums[std::size_t(a)]);
      worst_lse = std::max(worst_lse, std::abs(outputs[0].data[std::size_t(i)] - expected) / expected);
      for (std::int64_t k = 0; k < width; ++k) {
        double dx = 0;
        for (std::int64_t b = 0; b < kinds; ++b) {
          const double e = std::exp(s[std::size_t(a * kinds + b)]) / double(n);
          const double g = e / sums[std::size_t(a)] + e / sums[std::size_t(b)];
          dx += others(a, b) * g * scale(a) * scale(b) * number(b, k);
        }
        worst_dx = std::max(worst_dx, std::abs(outputs[1].data[std::size_t(i * width + k)] - dx));
        largest_dx = std::max(largest_dx, std::abs(dx));
      }
    }
    CHECK(worst_lse < 1e-5);
    CHECK(worst_dx < 1e-3 * largest_dx);
  }
}

TEST_CASE("a step reads nothing of the arena that it has not written, whatever was there") {
  if (kGpu != "cuda-emulated") return;  // the host can not fill a GPU's arena
  passes::Context context;
  const ir::GraphPtr step = training_step(module_of(models::find("conv_vae")), {}, context);
  CompileOptions options;
  options.backend = kGpu;
  options.bind = {{"B", kBatch}, {std::string(kSizeSymbol), 20}};
  std::vector<std::vector<std::byte>> results;
  for (const int filling : {0x00, 0xFF}) {  // zeros; NaN in every float
    const auto program = compile(step, options);
    auto* const first_input = static_cast<std::byte*>(program->input(0));
    const std::size_t bytes = (program->memory().arena_bytes + 255) / 256 * 256;
    REQUIRE(program->inputs()[0].type.bytes() < 60000);  // so it lies behind the arena
    for (int i = 0; i < int(program->inputs().size()); ++i) {
      const runtime::Port& port = program->inputs()[std::size_t(i)];
      if (port.role != ir::Role::param) continue;
      std::vector<float> values(std::size_t(port.type.elements()));
      for (std::size_t j = 0; j < values.size(); ++j) values[j] = 0.1F * std::sin(1.7F * float(j));
      program->write_input(i, values.data());
    }
    std::memset(first_input - bytes, filling, bytes);
    program->run();
    for (std::size_t i = 0; i < program->outputs().size(); ++i) {
      std::vector<std::byte> output(program->outputs()[i].type.bytes());
      program->read_output(int(i), output.data());
      results.push_back(std::move(output));
    }
  }
  const std::size_t outputs = results.size() / 2;
  for (std::size_t i = 0; i < outputs; ++i) CHECK(results[i] == results[outputs + i]);
}
