// The parts of the command line that need no process: flags, counting, planning, words for people.
#include <doctest/doctest.h>

#include <cmath>

#include "ir/text/parse.h"
#include "tests/support/temp_folder.h"
#include "tools/bench/cost.h"
#include "tools/bench/largest.h"
#include "tools/bench/machine.h"
#include "tools/bench/peak.h"
#include "tools/bench/stages.h"
#include "tools/bench/step_bench.h"
#include "tools/console/console.h"
#include "tools/console/progress.h"
#include "tools/flags/catalog.h"
#include "tools/flags/flags.h"

using namespace weft;
using namespace weft::tools;

// --- Flags -----------------------------------------------------------------------------------------------------------

namespace {

class Cook final : public Command {
 public:
  void declare(Flags& flags) override {
    flags.positional("DISH", dish, "What");
    flags.add("minutes", minutes, 1, "How long");
    flags.add("salt", salt, Flags::Range::not_negative, "How much");
    flags.choose("heat,fire", heat, {"low", "high"}, "How hot");
    flags.add("quiet", quiet, "Say nothing");
    flags.add("guests", guests, 1, "How many");
  }
  int run() override { return 0; }

  std::string dish, heat = "low";
  std::int64_t minutes = 10;
  double salt = 0.5;
  bool quiet = false;
  std::optional<std::int64_t> guests;
};

Command* parse(Cook& cook, std::vector<const char*> words) {
  words.insert(words.begin(), "weft");
  return parse_command_line(static_cast<int>(words.size()), words.data(), "test",
                            {{"cook", "Kitchen", "Cook it", &cook}});
}

}  // namespace

TEST_CASE("flags set what they are bound to and leave the rest") {
  Cook cook;
  CHECK(parse(cook, {"cook", "--minutes", "5", "soup", "--fire=high", "--quiet"}) == &cook);
  CHECK(cook.dish == "soup");
  CHECK(cook.minutes == 5);
  CHECK(cook.salt == 0.5);
  CHECK(cook.heat == "high");
  CHECK(cook.quiet);
  CHECK_FALSE(cook.guests);
}

TEST_CASE("the last of a flag given twice counts, and exponents are numbers") {
  Cook cook;
  parse(cook, {"cook", "--salt", "1", "--salt", "1e-3", "--guests", "3"});
  CHECK(cook.salt == 1e-3);
  CHECK(cook.guests == 3);
}

TEST_CASE("wrong command lines are told with what is right") {
  Cook cook;
  CHECK_ERROR(parse(cook, {"cok"}), "there is no command 'cok'; did you mean 'cook'?");
  CHECK_ERROR(parse(cook, {"cook", "--minute", "5"}), "weft cook has no flag --minute; did you mean '--minutes'?");
  CHECK_ERROR(parse(cook, {"cook", "--minutes", "0"}), "--minutes takes a whole number of at least 1, got '0'");
  CHECK_ERROR(parse(cook, {"cook", "--minutes", "5x"}), "got '5x'");
  CHECK_ERROR(parse(cook, {"cook", "--minutes", "99999999999999999999"}), "got '99999999999999999999'");
  CHECK_ERROR(parse(cook, {"cook", "--salt", "-0.1"}), "--salt takes a number of at least 0");
  CHECK_ERROR(parse(cook, {"cook", "--salt", "nan"}), "--salt takes a number of at least 0, got 'nan'");
  CHECK_ERROR(parse(cook, {"cook", "--heat", "medium"}), "takes low, high, got 'medium'");
  CHECK_ERROR(parse(cook, {"cook", "--guests"}), "--guests needs a value");
  CHECK_ERROR(parse(cook, {"cook", "soup", "salad"}), "weft cook does not take 'salad'");
}

TEST_CASE("an option of a model may not have the name of a flag") {
  struct Twice final : Command {
    void declare(Flags& flags) override {
      flags.add("batch", first, 1, "");
      flags.add("batch", second, 1, "");
    }
    int run() override { return 0; }
    std::int64_t first = 1, second = 1;
  };
  Twice twice;
  const char* words[] = {"weft", "twice"};
  CHECK_ERROR(parse_command_line(2, words, "test", {{"twice", "Kitchen", "", &twice}}), "two flags are named --batch");
}

TEST_CASE("the user's model comes first and replaces one of the same name") {
  const Model own{"vae", "my own", {}, {}};
  const Catalog catalog(own);
  CHECK(catalog.models().front().summary == "my own");
  CHECK(catalog.fallback() == &catalog.models().front());
  CHECK(catalog.need("vae").summary == "my own");
  CHECK(catalog.find("autoencoder"));
  CHECK(Catalog({}).fallback() == nullptr);
  CHECK_ERROR(catalog.need("auto-encoder"), "did you mean 'autoencoder'?");
}

// --- Counting --------------------------------------------------------------------------------------------------------

TEST_CASE("operations of contractions, a multiply-add as two") {
  const auto flops = [](const char* text) { return contraction_flops(ir::parse_graph(text, "test")); };
  CHECK(flops(R"(graph @g(%a: f32[2,3], %b: f32[3,5]) -> (y: f32[2,5]) {
    %y = matmul %a, %b : f32[2,5]
    return %y
  })") == 2 * 2 * 3 * 5);
  CHECK(flops(R"(graph @g(%a: f32[3,2], %b: f32[3,5]) -> (y: f32[2,5]) {
    %y = matmul %a, %b {transpose_a=1} : f32[2,5]
    return %y
  })") == 2 * 2 * 3 * 5);
  // 4 x 4 outputs of 6 channels, each from 3 channels of 3 x 3, for 2 pictures.
  CHECK(flops(R"(graph @g(%x: f32[2,3,6,6], %w: f32[6,3,3,3]) -> (y: f32[2,6,4,4]) {
    %y = conv2d %x, %w : f32[2,6,4,4]
    return %y
  })") == 2 * 2 * 6 * 16 * 27);
  CHECK(flops(R"(graph @g(%x: f32[2,6,4,4], %w: f32[6,3,3,3]) -> (y: f32[2,3,6,6]) {
    %y = conv_transpose2d %x, %w : f32[2,3,6,6]
    return %y
  })") == 2 * 2 * 6 * 16 * 27);
}

TEST_CASE("a step's unavoidable bytes: params and state in and out, the batch, not the data set") {
  const ir::Graph graph = ir::parse_graph(R"(
    graph @step(%indices: i32[B], %images: u8[N,10], %p: f32[6] {role=param}) -> (q: f32[6]) {
      %q = add %p, %p : f32[6]
      return %q donates %p
    })",
                                          "test");
  const ir::Graph bound = ir::bind(graph, {{"B", 4}, {"N", 1000}});
  CHECK(unavoidable_bytes(graph, bound) == 4 * 4 + 4 * 10 + 6 * 4 + 6 * 4);
  CHECK(step_port_bytes(graph, bound) == 4 * 4 + 6 * 4);
}

TEST_CASE("percentiles of step times") {
  std::vector<double> times;
  for (int i = 100; i >= 0; --i) times.push_back(i);
  const StepTimes summary = summarise(times);
  CHECK(summary.median == 50);
  CHECK(summary.p10 == 10);
  CHECK(summary.p90 == 90);
  CHECK(summary.steps == 101);
}

TEST_CASE("the largest number that fits") {
  for (const std::int64_t limit : {0, 1, 2, 3, 7, 8, 1000, 123456})
    CHECK(largest_that_fits([&](std::int64_t n) { return n <= limit; }) == limit);
}

TEST_CASE("the machine's peak is a number, on one thread and on two") {
  for (const int threads : {1, 2}) {
    const Peak peak = measure_peak(threads);
    CHECK(peak.threads == threads);
    CHECK(peak.gflops > 0.01);
    CHECK(peak.bandwidth > 0.01);
    CHECK(std::isfinite(peak.gflops));
    CHECK_FALSE(peak.instruction.empty());
  }
}

TEST_CASE("the choice in brackets") {
  CHECK(chosen("always [madvise] never\n") == "madvise");
  CHECK(chosen("") == "");
  CHECK(describe_machine().cores >= 1);
  CHECK(describe_machine().memory_bytes > 1 << 20);
}

// --- Words -----------------------------------------------------------------------------------------------------------

TEST_CASE("numbers as people read them") {
  CHECK(grouped(0) == "0");
  CHECK(grouped(999) == "999");
  CHECK(grouped(1234567) == "1,234,567");
  CHECK(grouped(-123456) == "-123,456");
  CHECK(bytes_text(640) == "640 bytes");
  CHECK(bytes_text(3.2e6) == "3.2 MB");
  CHECK(bytes_text(999'960) == "1.0 MB");
  CHECK(duration_text(3.21) == "3.2 s");
  CHECK(duration_text(125) == "2:05");
  CHECK(duration_text(3723) == "1:02:03");
}

TEST_CASE("the progress line fills its width and never more than it can") {
  training::Progress progress;
  progress.epoch = 2;
  progress.epochs = 10;
  progress.step = 50;
  progress.steps = 200;
  progress.loss = 112.34;
  progress.images_per_second = 48'000;
  const std::string line = progress_line(progress, 12, 100);
  CHECK(line.starts_with("epoch 2/10 [##########>"));
  CHECK(line.find(" 25%  loss 112.3, 48,000 images/s, 12.0 s left") != std::string::npos);
  CHECK(line.size() <= 100);
  CHECK(progress_line(progress, 0, 100).find("left") == std::string::npos);
  CHECK(progress_line(progress, 12, 70).size() == 70);
  progress.step = 200;
  CHECK(progress_line(progress, 0, 80).find("#]") != std::string::npos);
}
