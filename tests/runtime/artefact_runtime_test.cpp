// The C behind compiled models, over models made by hand (tests/runtime/artefact/fixture.c): what it does, and that it
// does the same bits as the C++ it stands for.
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <cmath>
#include <thread>

#include "runtime/atomic_file.h"
#include "tests/runtime/hand_made_model.h"
#include "tests/support/allocations.h"
#include "training/data/dataset.h"

namespace weft {
namespace {

using namespace test;
using runtime::TensorFile;

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

}  // namespace
}  // namespace weft
