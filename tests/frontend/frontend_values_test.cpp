// What the DSL's functions and layers compute, by the reference interpreter, against values that other software
// computed.
#include <doctest/doctest.h>

#include <cmath>

#include "frontend/weft.h"
#include "passes/passes.h"
#include "tests/support/evaluate.h"

using namespace weft;
using test::error_of;
using test::evaluate;
using test::graph_of;
using test::Numbers;

namespace {

constexpr Mode kTrain = Mode::train;
constexpr Mode kEval = Mode::eval;

void check_close(const Numbers& actual, const Numbers& expected, double tolerance = 1e-9) {
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    CAPTURE(i);
    CHECK(actual[i] == doctest::Approx(expected[i]).epsilon(tolerance).scale(1));
  }
}

Numbers counting(int first, int count) {
  Numbers numbers;
  for (int i = 0; i < count; ++i) numbers.push_back(first + i);
  return numbers;
}

// f(x) in a train entry, x of the given dims.
Numbers value_of(const Dims& dims, const Numbers& x, const std::function<Tensor(Tensor)>& f, Mode mode = kTrain) {
  return evaluate(mode, [&](Entry& entry) { entry.output("y", f(entry.input("x", dims))); }, {{"x", x}}).at("y");
}

}  // namespace

TEST_CASE("reductions and movement") {
  const Numbers x = {1, 2, 3, 4, 5, 6};
  CHECK(value_of({2, 3}, x, [](Tensor t) { return sum(t, 0); }) == Numbers{5, 7, 9});
  CHECK(value_of({2, 3}, x, [](Tensor t) { return mean(t, -1); }) == Numbers{2, 5});
  CHECK(value_of({2, 3}, x, [](Tensor t) { return max(t); }) == Numbers{6});
  CHECK(value_of({2, 3}, {1, 3, 3, 6, 5, 4}, [](Tensor t) { return argmax(t, 1); }) == Numbers{1, 0});
  CHECK(value_of({2, 3}, x, [](Tensor t) { return transpose(t); }) == Numbers{1, 4, 2, 5, 3, 6});
  CHECK(value_of({2, 3}, x, [](Tensor t) { return slice(t, 1, 1, 3); }) == Numbers{2, 3, 5, 6});
  CHECK(value_of({2, 3}, x, [](Tensor t) { return pad(t, 0, 1, 0); }) == Numbers{0, 0, 0, 1, 2, 3, 4, 5, 6});
  CHECK(value_of({2, 3}, x, [](Tensor t) { return clamp(t, 2, 4); }) == Numbers{2, 2, 3, 4, 4, 4});
  CHECK(value_of({2, 3}, x, [](Tensor t) {
          return gather(t, constant(Numbers{1, 1}, {2}, DType::i32));
        }) == Numbers{4, 5, 6, 4, 5, 6});
}

TEST_CASE("matmul with leading dims: weights serve every row, else matrices meet in pairs") {
  const Numbers x = counting(1, 8);
  const auto weights = [] { return constant(Numbers{1, 0, 1, -1, 2, 0}, {2, 3}); };
  CHECK(value_of({2, 2, 2}, x, [&](Tensor t) { return matmul(t, weights()); }) ==
        Numbers{-1, 4, 1, -1, 8, 3, -1, 12, 5, -1, 16, 7});
  CHECK(value_of({2, 2, 2}, x, [](Tensor t) { return matmul(t, t); }) == Numbers{7, 10, 15, 22, 67, 78, 91, 106});
  CHECK(value_of({2, 1, 2, 2}, x, [](Tensor t) {
          return sum(matmul(t, reshape(t, {1, 2, 2, 2})), {0, 1});
        }) == value_of({2, 2, 2}, x, [](Tensor t) {
          const Tensor all = sum(t, 0);
          return matmul(all, all);
        }));
  CHECK(value_of({2, 2}, {1, 0, 0, 2}, [](Tensor t) {
          return matmul(t, constant(Numbers{1, 2, 3, 4}, {2, 2, 1}));
        }) == Numbers{1, 4, 3, 8});
  const std::string error = error_of([] {
    graph_of(kTrain, [](Entry& entry) { matmul(entry.input("a", {2, 3, 4}), entry.input("b", {3, 4, 5})); });
  });
  CHECK(error.find("[matmul] leading dims differ: f32[2,3,4] x f32[3,4,5]") != std::string::npos);
}

TEST_CASE("a mean over the batch counts what is bound") {
  const auto y = evaluate(kEval,
                          [](Entry& entry) {
                            entry.output("y", mean(entry.input("x", {B, 2})));
                          },
                          {{"x", {1, 2, 3, 4, 5, 9}}}, {{"B", 3}});
  CHECK(y.at("y") == Numbers{4});
}

TEST_CASE("activations") {
  const Numbers x = {-2, 0, 1.5};
  const double phi = 0.5 * (1 + std::erf(1.5 / std::sqrt(2.0))), phi2 = 0.5 * (1 + std::erf(-2 / std::sqrt(2.0)));
  check_close(value_of({3}, x, relu), {0, 0, 1.5});
  check_close(value_of({3}, x, [](Tensor t) { return leaky_relu(t, 0.1); }), {-0.2, 0, 1.5});
  check_close(value_of({3}, x, activation("leaky_relu")), {-0.02, 0, 1.5});
  check_close(value_of({3}, x, activation("elu")), {std::expm1(-2), 0, 1.5});
  check_close(value_of({3}, x, gelu), {-2 * phi2, 0, 1.5 * phi});
  check_close(value_of({3}, x, silu), {-2 / (1 + std::exp(2)), 0, 1.5 / (1 + std::exp(-1.5))});
  check_close(value_of({3}, x, softplus), {std::log1p(std::exp(-2)), std::log(2), std::log1p(std::exp(1.5))});
  check_close(value_of({2}, {1000, -1000}, activation("elu")), {1000, -1});
  for (const std::string& name : activation_names()) CHECK(value_of({1}, {0.5}, activation(name)).size() == 1);
  CHECK(error_of([] { activation("rely"); }) == "unknown activation 'rely'; did you mean 'relu'?");
}

TEST_CASE("cross-entropy with logits, in value and where it would overflow") {
  const Numbers logits = {0, 2, -3, 100, -100}, targets = {0.5, 1, 0, 0, 1};
  const Numbers expected = {0.693147180559945, 0.126928011042973, 0.048587351573742, 100, 100};
  for (std::size_t i = 0; i < logits.size(); ++i)
    check_close(value_of({1, 1}, {logits[i]},
                         [&](Tensor l) {
                           return bce_with_logits(l, constant(targets[i], {1, 1}));
                         }),
                {expected[i]}, 1e-13);
  // Summed over the dims, averaged over the batch.
  check_close(value_of({2, 2}, {0, 2, -3, 0},
                       [](Tensor l) {
                         return bce_with_logits(l, constant(Numbers{0.5, 1, 0, 0.5}, {2, 2}));
                       }),
              {(2 * 0.693147180559945 + 0.126928011042973 + 0.048587351573742) / 2}, 1e-13);
  // The naive form agrees where it can, and stays finite where a probability is 0.
  check_close(value_of({1, 2}, {2, -3},
                       [](Tensor l) {
                         return bce(sigmoid(l), constant(Numbers{1, 0}, {1, 2}));
                       }),
              {0.126928011042973 + 0.048587351573742}, 1e-12);
  check_close(value_of({1, 2}, {0, 1}, [](Tensor p) { return bce(p, constant(Numbers{0, 1}, {1, 2})); }), {0});
  CHECK(std::isfinite(value_of({1, 1}, {0}, [](Tensor p) { return bce(p, constant(1, {1, 1})); })[0]));
}

TEST_CASE("squared and absolute error: summed over dims, averaged over the batch") {
  const auto zero = [] { return constant(0, {2, 1, 2}); };
  CHECK(value_of({2, 1, 2}, {1, -2, 3, 0}, [&](Tensor x) { return mse(x, zero()); }) == Numbers{7});
  CHECK(value_of({2, 1, 2}, {1, -2, 3, 0}, [&](Tensor x) { return l1(x, zero()); }) == Numbers{3});
}

TEST_CASE("softmax, cross-entropy of labels, accuracy") {
  const auto labels = [] { return constant(Numbers{2, 0}, {2}, DType::i32); };
  const Numbers logits = {1, 2, 3, 1, 5, 1};
  const double first = std::log(std::exp(1) + std::exp(2) + std::exp(3)) - 3;
  const double second = std::log(2 * std::exp(1) + std::exp(5)) - 1;
  check_close(value_of({2, 3}, logits, [&](Tensor l) { return softmax_cross_entropy(l, labels()); }),
              {(first + second) / 2}, 1e-13);
  CHECK(value_of({2, 3}, logits, [&](Tensor l) { return accuracy(l, labels()); }) == Numbers{0.5});
  CHECK(value_of({2, 3}, Numbers(6, 0.0), [&](Tensor l) { return accuracy(l, labels()); }) == Numbers{0.5});
  CHECK(value_of({2, 3}, {1000, -1000, 0, 1000, -1000, 0},
                 [&](Tensor l) { return softmax_cross_entropy(l, labels()); }) == Numbers{500});
  check_close(value_of({2, 2}, {1000, 1000, 0, std::log(3.0)}, [](Tensor l) { return softmax(l); }),
              {0.5, 0.5, 0.25, 0.75});
  check_close(value_of({1, 2}, {0, std::log(3.0)}, [](Tensor l) { return log_softmax(l); }),
              {std::log(0.25), std::log(0.75)});
  CHECK(value_of({2}, {2, 0}, [](Tensor x) { return one_hot(cast(x, DType::i32), 3); }) == Numbers{0, 0, 1, 1, 0, 0});
}

TEST_CASE("KL divergence: exact in the normal range, finite and leading back beyond") {
  const auto terms = [](const Numbers& logvar) {
    const Dims dims{1, std::int64_t(logvar.size())};
    return value_of(dims, logvar, [&](Tensor l) { return kl_normal_terms(constant(0, dims), l); });
  };
  const auto with_mu = [](Tensor mu) { return kl_normal_terms(mu, constant(Numbers{0, std::log(0.25)}, {1, 2})); };
  check_close(value_of({1, 2}, {0.5, -1}, with_mu), {0.125, 0.818147180559945}, 1e-13);
  const auto summed = [](Tensor mu) { return kl_normal(mu, constant(Numbers{0, std::log(0.25)}, {1, 2})); };
  check_close(value_of({1, 2}, {0.5, -1}, summed), {0.125 + 0.818147180559945}, 1e-13);
  check_close(terms({19.5}), {0.5 * (std::exp(19.5) - 1 - 19.5)}, 1e-12);
  const Numbers far = terms({20, 21, 1000, -1000});
  CHECK(far[0] == doctest::Approx(0.5 * (std::exp(20.0) - 21)));
  CHECK(far[1] - far[0] == doctest::Approx(0.5 * std::exp(20.0)).epsilon(1e-6));
  CHECK(far[2] > far[1]);
  CHECK(far[2] < 3e11);
  CHECK(far[3] == doctest::Approx(499.5));
}

TEST_CASE("reparameterize: mu + e^(logvar/2) epsilon, the same epsilon for the same seed") {
  const auto sample = [](double mu, double logvar, double step) {
    return evaluate(kTrain,
                    [&](Entry& entry) {
                      const Tensor x = entry.input("mu", {B, 500});
                      entry.output("z", reparameterize(x, constant(logvar, {B, 500})));
                    },
                    {{"mu", Numbers(1000, mu)}, {"rng", {7, 0, step, 0}}}, {{"B", 2}})
        .at("z");
  };
  const Numbers epsilon = sample(0, 0, 1), scaled = sample(3, std::log(4.0), 1), other = sample(0, 0, 2);
  double total = 0, squares = 0;
  for (std::size_t i = 0; i < epsilon.size(); ++i) {
    CHECK(scaled[i] == doctest::Approx(3 + 2 * epsilon[i]));
    total += epsilon[i];
    squares += epsilon[i] * epsilon[i];
  }
  CHECK(std::abs(total / 1000) < 0.12);  // under 4 standard errors
  CHECK(std::abs(squares / 1000 - 1) < 0.18);
  CHECK(epsilon != other);
  for (const double z : sample(0, 500, 1)) CHECK(std::isfinite(z));
}

TEST_CASE("gradients by logvar: exact in the normal range, finite and leading back beyond") {
  ir::Module module{"m", {}};
  {
    Entry entry(module, "loss", kTrain);
    const Tensor logvar = parameter("logvar", {1, 4}, zeros());
    const Tensor z = reparameterize(constant(1, {1, 4}), logvar);
    entry.output("loss", kl_normal(constant(0, {1, 4}), logvar) + 1e-3 * sum(square(z)));
  }
  passes::Context context;
  const ir::GraphPtr graph = passes::differentiate(std::make_shared<ir::Graph>(module.graphs[0]), context);
  const Numbers at = {0, std::log(0.25), 25, 1000};
  const auto outputs = evaluate(*graph, {}, {{"logvar", at}, {"rng", {3, 0, 0, 0}}});
  const Numbers& gradient = outputs.at("grad.logvar");
  REQUIRE(gradient.size() == 4);
  CHECK(std::abs(gradient[0]) < 0.02);  // .5 (e^l - 1), and a little of z
  CHECK(std::abs(gradient[1] + 0.375) < 0.02);
  for (int i = 2; i < 4; ++i) CHECK(gradient[std::size_t(i)] == doctest::Approx(0.5 * std::exp(20)).epsilon(1e-6));
}

TEST_CASE("transposed convolution") {
  const auto up = [](ConvTranspose2dOptions options) {
    return value_of({1, 1, 2, 2}, {1, 2, 3, 4}, [&](Tensor x) {
      return conv_transpose2d(x, constant(counting(1, 9), {1, 1, 3, 3}), options);
    });
  };
  CHECK(up({}) == Numbers{1, 4, 7, 6, 7, 23, 33, 24, 19, 53, 63, 42, 21, 52, 59, 36});
  CHECK(up({.stride = 2, .padding = 1}) == Numbers{5, 14, 10, 14, 36, 24, 15, 34, 20});
  const Numbers padded = {5, 14, 10, 12, 14, 36, 24, 30, 15, 34, 20, 24, 24, 55, 32, 36};
  CHECK(up({.stride = 2, .padding = 1, .output_padding = 1}) == padded);
  CHECK(up({.stride = 2, .padding = 1, .output_size = 4}) == padded);
  const auto result =
      evaluate(kEval,
               [](Entry& entry) {
                 entry.output("y", ConvTranspose2d("d", 2, 3, 2, {.stride = 2})(entry.input("x", {B, 2, 2, 2})));
               },
               {{"x", counting(1, 8)}, {"d.weight", counting(1, 24)}, {"d.bias", {0.5, -1, 2}}}, {{"B", 1}});
  const Numbers& y = result.at("y");
  REQUIRE(y.size() == 48);
  CHECK(Numbers(y.begin(), y.begin() + 4) == Numbers{66.5, 72.5, 80.5, 88.5});
  CHECK(Numbers(y.end() - 4, y.end()) == Numbers{196, 206, 230, 242});
}

TEST_CASE("batch normalisation: batch statistics in training, running ones in eval mode") {
  const auto fill = [](Entry& entry) { entry.output("y", BatchNorm("bn", 2)(entry.input("x", {B, 2}))); };
  const Numbers x = {1, 2, 3, 6, 5, 4, 7, 0};
  const auto train = evaluate(kTrain, fill, {{"x", x}}, {{"B", 4}});
  check_close({train.at("y")[0], train.at("y")[1]}, {-1.341639444861100, -0.447213148287033}, 1e-12);
  check_close(train.at("bn.running_mean"), {0.4, 0.3}, 1e-12);
  check_close(train.at("bn.running_var"), {1.566666666666667, 1.566666666666667}, 1e-12);

  const auto eval = evaluate(
      kEval, fill,
      {{"x", x}, {"bn.running_mean", {1, 2}}, {"bn.running_var", {4, 1}}, {"bn.weight", {2, 1}}, {"bn.bias", {0, 5}}},
      {{"B", 4}});
  CHECK(eval.count("bn.running_mean") == 0);
  check_close({eval.at("y")[6], eval.at("y")[7]}, {6 / std::sqrt(1 + 1e-5 / 4), -2 / std::sqrt(1 + 1e-5) + 5}, 1e-6);

  // Of pictures: over the batch and the pixels. One element a channel has no variance.
  const auto image = evaluate(kTrain,
                              [](Entry& entry) {
                                entry.output("y", BatchNorm("bn", 2)(entry.input("x", {B, 2, 2, 1})));
                              },
                              {{"x", {1, 3, 2, 6, 5, 7, 4, 0}}}, {{"B", 2}});
  check_close(image.at("bn.running_mean"), {0.4, 0.3}, 1e-12);
  check_close(image.at("bn.running_var"), {1.566666666666667, 1.566666666666667}, 1e-12);
  CHECK_THROWS_WITH_AS(evaluate(kTrain, fill, {{"x", {1, 2}}}, {{"B", 1}}),
                       doctest::Contains("needs a batch of at least 2 rows, got 1"), Error);

  const ir::Graph graph = graph_of(kTrain, fill);
  for (const ir::Output& output : graph.outputs)
    if (output.name != "y") CHECK(graph.input_name(output.donates) == output.name);
}

TEST_CASE("a state that is updated twice passes through both") {
  const auto result = evaluate(kTrain, [](Entry& entry) {
    for (int i = 0; i < 2; ++i) set_state("count", state("count", {}, ir::constant_init(5)) + 1);
    entry.output("y", constant(0));
  });
  CHECK(result.at("count") == Numbers{7});
}

TEST_CASE("dropout keeps the mean; it and noise rest in eval mode") {
  const Numbers ones(4000, 1.0);
  const Numbers dropped = value_of({4000}, ones, Dropout(0.25));
  double total = 0;
  for (const double each : dropped) {
    CHECK((each == 0 || each == doctest::Approx(4.0 / 3)));
    total += each;
  }
  CHECK(std::abs(total / 4000 - 1) < 0.04);
  const Numbers noisy = value_of({4000}, ones, GaussianNoise(0.5));
  double squares = 0;
  for (const double each : noisy) squares += (each - 1) * (each - 1);
  CHECK(std::abs(squares / 4000 - 0.25) < 0.025);
  CHECK(value_of({4000}, ones, Dropout(0.25), kEval) == ones);
  CHECK(value_of({4000}, ones, GaussianNoise(0.5), kEval) == ones);
}

TEST_CASE("initialisers") {
  const Fan fan{100, 50};
  CHECK(uniform_fan_in(fan) == ir::uniform_init(-0.1, 0.1));
  CHECK(kaiming_uniform(fan).b == doctest::Approx(std::sqrt(6.0 / 100)));
  CHECK(kaiming_normal(fan).b == doctest::Approx(std::sqrt(2.0 / 100)));
  CHECK(xavier_uniform(fan).b == doctest::Approx(std::sqrt(6.0 / 150)));
  CHECK(xavier_normal(fan).b == doctest::Approx(std::sqrt(2.0 / 150)));
  CHECK(initialiser("ones")(fan) == ir::constant_init(1));
  CHECK(error_of([] { initialiser("kaiming_unifrm"); }).find("did you mean 'kaiming_uniform'?") != std::string::npos);

  const ir::Graph graph = graph_of(kEval, [](Entry& entry) {
    const Tensor x = entry.input("x", {B, 4, 5, 5});
    Conv2d("c", 4, 6, 5, {.groups = 2})(x);
    ConvTranspose2d("d", 4, 6, 5, {.groups = 2}, {.initialiser = normal(0.02), .bias = false})(x);
  });
  const auto init = [&](const char* name) { return graph.inputs[graph.find_input(name)].init; };
  CHECK(init("c.weight") == uniform_fan_in({50, 150}));
  CHECK(init("c.bias") == uniform_fan_in({50, 150}));
  CHECK(init("d.weight") == ir::normal_init(0, 0.02));
  CHECK(graph.find_input("d.bias") == ir::kNone);
}

TEST_CASE("a size that something needs is checked when the dim is bound, at the user's line") {
  int line = 0;
  const ir::Graph graph = graph_of(Mode::train, [&](Entry& entry) {
    const Tensor x = entry.input("x", {B, 3});
    line = __LINE__ + 1;
    entry.output("y", sum(x) / at_least(B, 5, "this loss"));
  });
  CHECK_NOTHROW(ir::bind(graph, {{"B", 5}}));
  CHECK(error_of([&] {
          ir::bind(graph, {{"B", 4}});
        }) ==
        "frontend_values_test.cpp:" + std::to_string(line) + ": this loss needs a batch of at least 5 rows, got 4");

  // One element a channel has no variance to normalise by.
  const auto bound = [](const Dims& dims, Mode mode, std::int64_t batch) {
    const ir::Graph norm =
        graph_of(mode, [&](Entry& entry) { entry.output("y", BatchNorm("bn", 2)(entry.input("x", dims))); });
    return error_of([&] { ir::bind(norm, {{"B", batch}}); });
  };
  CHECK(bound({B, 2}, Mode::train, 1).find("batch normalisation in training needs a batch of at least 2 rows, got 1") !=
        std::string::npos);
  CHECK(bound({B, 2, 1, 1}, Mode::train, 1).find("needs a batch of at least 2") != std::string::npos);
  CHECK(bound({B, 2, 1, 2}, Mode::train, 1).empty());
  CHECK(bound({B, 2}, Mode::train, 2).empty());
  CHECK(bound({B, 2}, Mode::eval, 1).empty());
}

TEST_CASE("a part of a training entry may be in eval mode") {
  const test::Named inputs = {{"x", {1, 2, 3, 6, 5, 4, 7, 0}}};
  const ir::Graph graph = graph_of(Mode::train, [](Entry& entry) {
    const Tensor x = entry.input("x", {4, 2});
    {
      const ModeScope frozen(Mode::eval);
      CHECK(mode() == Mode::eval);
      entry.output("frozen", BatchNorm("bn", 2)(x));
      entry.output("kept", Dropout(0.9)(x));
    }
    CHECK(mode() == Mode::train);
  });
  CHECK(graph.outputs.size() == 2);  // no statistics are moved
  const test::Named outputs = evaluate(graph, {}, inputs);
  CHECK(outputs.at("kept") == inputs.at("x"));
  CHECK(outputs.at("frozen")[3] == doctest::Approx(6 / std::sqrt(1 + 1e-5)));
}
