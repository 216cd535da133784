// Programs and sessions that two threads use at once: an error, never wrong numbers.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <numeric>
#include <thread>

#include "ir/error.h"
#include "ir/text/parse.h"
#include "tests/support/small_models.h"
#include "tests/support/temp_folder.h"
#include "training/session.h"

using namespace weft;
using namespace weft::training;

namespace {

// Adds one, when it may.
class SlowProgram final : public runtime::Program {
 public:
  SlowProgram() {
    add_ports(
        ir::parse("weft 1\nmodule @m\ngraph @g(%x: f32[]) -> (y: f32[]) {\n  return %x\n}\n", "test").graphs.front());
    input_memory_ = {&x_};
    output_memory_ = {&y_};
  }
  runtime::MemoryUse memory() const override { return {}; }

  std::atomic<bool> is_inside{false}, may_leave{false};

 private:
  void do_bind_input(int, void*) override {}
  void do_run() override {
    is_inside = true;
    while (!may_leave) std::this_thread::yield();
    y_ = x_ + 1;
  }
  std::vector<runtime::ItemProfile> do_profile(int) override { return {}; }

  float x_ = 0, y_ = 0;
};

DatasetSplits digits() { return test::few_digits(64, 0, 32); }

std::vector<std::int64_t> first(std::int64_t count) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(count));
  std::iota(indices.begin(), indices.end(), std::int64_t{0});
  return indices;
}

}  // namespace

TEST_CASE("a program that a thread runs refuses every other thread, and works on") {
  SlowProgram program;
  const float one = 1, two = 2;
  float y = 0;
  program.write_input(0, &one);
  std::thread thread([&] { program.run(); });
  while (!program.is_inside) std::this_thread::yield();
  const char* const text = "a compiled program is in use by another thread; use it from one thread at a time";
  CHECK_ERROR(program.run(), text);
  CHECK_ERROR(program.write_input(0, &two), text);
  CHECK_ERROR(program.read_output(0, &y), text);
  CHECK_ERROR(program.bind_input(0, &y), text);
  CHECK_ERROR(program.profile(1), text);
  program.may_leave = true;
  thread.join();
  program.read_output(0, &y);
  CHECK(y == 2);
  program.write_input(0, &two);
  program.run();
  program.read_output(0, &y);
  CHECK(y == 3);
}

TEST_CASE("threads that share a session get its numbers or an error") {
  const DatasetSplits data = digits();
  Session session(test::make_vae(), test::reference_options());
  const Metrics wanted = session.evaluate(data.test);
  std::atomic<int> right{0}, wrong{0}, refused{0};
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  const auto work = [&] {
    while ((refused == 0 || right < 3) && std::chrono::steady_clock::now() < end) {
      try {
        ++(session.evaluate(data.test) == wanted ? right : wrong);
      } catch (const Error& error) {
        ++(std::string(error.what()).starts_with("a session is in use by another thread") ? refused : wrong);
        std::this_thread::yield();
      }
    }
  };
  std::thread other(work);
  work();
  other.join();
  MESSAGE(right.load() << " evaluations, " << refused.load() << " refused");
  CHECK(right > 0);
  CHECK(refused > 0);
  CHECK(wrong == 0);
  CHECK(session.evaluate(data.test) == wanted);
}

TEST_CASE("two sessions in two threads train to the bits of each alone") {
  const DatasetSplits data = digits();
  const std::vector<std::int64_t> batch = first(32);
  const auto trained = [&](const std::string& backend, int threads, std::uint64_t seed) {
    SessionOptions options;
    options.backend = backend;
    options.threads = threads;
    options.seed = seed;
    Session session(test::make_vae(), options);
    for (int step = 0; step < 5; ++step) session.step(data.train, batch);
    return session.save().tensors;
  };
  for (const std::string& backend : backend_names()) {
    if (backend != "cpu" && backend != "reference") continue;
    for (const int threads : {1, 2}) {
      CAPTURE(backend);
      CAPTURE(threads);
      const auto a = trained(backend, threads, 1), b = trained(backend, threads, 2);
      std::remove_const_t<decltype(b)> beside;
      std::thread other([&] { beside = trained(backend, threads, 2); });
      CHECK(trained(backend, threads, 1) == a);
      other.join();
      CHECK(beside == b);
    }
  }
}
