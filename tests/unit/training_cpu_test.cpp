// Training on the cpu backend: what a step may not do, and what must not depend on threads.
#include <dlfcn.h>
#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <numeric>
#include <string_view>

#include "models/registry.h"
#include "training/digits.h"
#include "training/session.h"
#include "training/trainer.h"

namespace {

std::atomic<bool> counting = false;
std::atomic<int> allocations = 0;

// oneDNN's execute makes a small map of its arguments each time, which no caller can prevent. Everything else counts.
bool is_library(const void* caller) {
  Dl_info info;
  return dladdr(caller, &info) != 0 && std::string_view(info.dli_fname).find("libdnnl") != std::string_view::npos;
}

void* allocate(std::size_t size, std::size_t alignment, const void* caller) {
  if (counting && !is_library(caller)) ++allocations;
  void* memory = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (!memory) throw std::bad_alloc();
  return memory;
}

}  // namespace

// The whole program allocates through these.
void* operator new(std::size_t size) {
  return allocate(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__, __builtin_return_address(0));
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate(size, std::size_t(alignment), __builtin_return_address(0));
}
// The library's own would not go with the deletes below.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return allocate(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__, __builtin_return_address(0));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

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
  allocations = 0;
  counting = true;
  for (int i = 0; i < 5; ++i) {
    session.set_hyper("lr", 1e-3 * i);
    session.step(data.train, batch);
    session.step(data.train, tail);
  }
  counting = false;
  CHECK(allocations.load() == 0);
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
