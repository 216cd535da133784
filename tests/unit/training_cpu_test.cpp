// Training on the cpu backend: what a step may not do, and what must not depend on threads.
#include <doctest/doctest.h>

#include <numeric>

#include "allocations.h"
#include "models/registry.h"
#include "training/digits.h"
#include "training/session.h"
#include "training/trainer.h"

using namespace weft;
using namespace weft::training;

namespace {

DatasetSplits few_digits() {
  DigitsOptions options;
  options.train = 300;
  options.validation = 0;
  options.test = 100;
  return make_digits(options);
}

Session vae_session(int threads, const std::string& backend = "cpu") {
  const Model& model = models::find("vae");
  Settings settings(model);
  settings.set("hidden", "64");
  settings.set("latent", "8");
  SessionOptions options;
  options.backend = backend;
  options.threads = threads;
  return Session(build_module(model, settings), options);
}

}  // namespace

TEST_CASE("a training step allocates nothing of its own") {
  const DatasetSplits data = few_digits();
  Session session = vae_session(2);
  std::vector<std::int64_t> batch(128);
  std::iota(batch.begin(), batch.end(), std::int64_t{0});
  const std::span<const std::int64_t> tail = std::span(batch).first(44);
  session.step(data.train, batch);
  session.step(data.train, tail);
  const test::Allocations allocations = test::count_allocations([&] {
    for (int i = 0; i < 5; ++i) {
      session.set_hyper("lr", 1e-3 * i);
      session.step(data.train, batch);
      session.step(data.train, tail);
    }
  });
  if (!allocations.counted) MESSAGE("skipped: a sanitizer counts allocations itself");
  CHECK(allocations.ours == 0);
}

TEST_CASE("a trained model is bitwise the same for any number of threads, and near the reference's") {
  const DatasetSplits data = few_digits();
  TrainOptions options;
  options.epochs = 2;
  Session one = vae_session(1), two = vae_session(2), three = vae_session(3), reference = vae_session(1, "reference");
  const Outcome outcome = train(one, data, options);
  CHECK(train(two, data, options).test == outcome.test);
  CHECK(train(three, data, options).test == outcome.test);
  CHECK(two.save().tensors == one.save().tensors);
  CHECK(three.save().tensors == one.save().tensors);

  const Outcome expected = train(reference, data, options);
  REQUIRE(outcome.test.size() == expected.test.size());
  for (std::size_t i = 0; i < expected.test.size(); ++i)
    CHECK(outcome.test[i].second == doctest::Approx(expected.test[i].second).epsilon(1e-3));
}

TEST_CASE("no model's step falls to the library's ref kernels or to the reference interpreter") {
  const DatasetSplits data = few_digits();
  for (const Model& model : models::all()) {
    CAPTURE(model.name);
    SessionOptions options;
    options.batch = 32;
    Session session(build_module(model, Settings(model)), options);
    int library_calls = 0;
    for (const runtime::ItemProfile& item : session.training_program(data.train, options.batch).profile(1)) {
      CAPTURE(item.name);
      CHECK(item.kind.rfind("ref", 0) != 0);
      library_calls += item.flops > 0;
    }
    CHECK(library_calls > 0);
  }
}
