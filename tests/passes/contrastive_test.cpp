// NT-Xent: its values and limits, every way of writing it that the pass `contrastive` knows, and what it must leave.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "backends/compile.h"
#include "backends/reference/reference.h"
#include "frontend/weft.h"
#include "passes/pipeline.h"
#include "tests/support/evaluate.h"

using namespace weft;
using passes::GraphPtr;

namespace {

using Loss = std::function<Tensor(const Tensor& views)>;
constexpr double kTemperature = 0.5;

// A graph with the param `views` [2*B,d] and the output `loss`.
GraphPtr graph_of(const Loss& loss, const Dims& dims) {
  ir::Module module{"m", {}};
  {
    Entry entry(module, "loss", Mode::train);
    entry.output("loss", loss(parameter("views", dims, ir::normal_init(0, 1))));
  }
  return std::make_shared<const ir::Graph>(module.graphs[0]);
}
const Dims kViews{Dim("B", 2), 6};

struct Compiled {
  GraphPtr graph;  // with gradients, before `bind`
  std::vector<passes::Note> notes;
};

Compiled gradients_of(const GraphPtr& loss, bool contrastive) {
  passes::Context context;
  context.contrastive = contrastive;
  const GraphPtr graph = passes::run_passes(loss, passes::gradient_pipeline(), context);
  std::erase_if(context.notes, [](const passes::Note& note) { return note.pass != "contrastive"; });
  return {graph, context.notes};
}

int count(const ir::Graph& graph, ir::OpCode code) { return int(std::ranges::count(graph.ops, code, &ir::Op::code)); }

std::vector<double> random_views(std::int64_t rows, std::int64_t width, double size = 1) {
  std::mt19937 random(7);
  std::normal_distribution<double> normal(0, size);
  std::vector<double> views(std::size_t(rows * width));
  for (double& each : views) each = double(float(normal(random)));
  return views;
}

// loss, then the gradient; in double.
std::vector<double> evaluate(const GraphPtr& graph, std::int64_t pairs, const std::vector<double>& views) {
  const auto bound = graph->symbols().empty() ? *graph : ir::bind(*graph, {{"B", pairs}});
  const auto outputs = reference::run<double>(bound, {{bound.type(bound.inputs[0].value), views}});
  std::vector<double> numbers = outputs[0].data;
  if (outputs.size() > 1) numbers.insert(numbers.end(), outputs[1].data.begin(), outputs[1].data.end());
  return numbers;
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(a[i] - b[i]);
    largest = std::isnan(difference) ? INFINITY : std::max(largest, difference);
  }
  return largest;
}

// On the cpu, as a program compiles it.
std::vector<double> run_on_cpu(const GraphPtr& graph, std::int64_t pairs, const std::vector<double>& views,
                               int threads) {
  CompileOptions options;
  options.bind = {{"B", pairs}};
  options.threads = threads;
  const auto program = compile(graph, options);
  reference::to_bytes({program->inputs()[0].type, views}, program->input(0));
  program->run();
  std::vector<double> numbers;
  for (std::size_t i = 0; i < program->outputs().size(); ++i) {
    const reference::Tensor output = reference::from_bytes(program->outputs()[i].type, program->output(int(i)));
    numbers.insert(numbers.end(), output.data.begin(), output.data.end());
  }
  return numbers;
}

// The parts of the textbook formula.
struct Parts {
  Dim rows;
  Tensor z, s, i, j, same, is_partner;
  explicit Parts(const Tensor& views, double temperature = kTemperature)
      : rows(views.dims()[0]),
        z(l2_normalize(views)),
        s(matmul(z, transpose(z)) / temperature),
        i(iota({rows, 1}, 0)),
        j(iota({1, rows}, 1)),
        same(i == j),
        is_partner(2 * abs(i - j) == dim_size(rows, DType::i32)) {}
  Tensor eye() const { return cast(same, DType::f32); }
  Tensor partners() const { return sum(select(is_partner, s, 0), 1); }
  Dim half() const { return Dim("B"); }
  Tensor top(const Tensor& x) const { return slice(x, 0, 0, half()); }
  Tensor bottom(const Tensor& x) const { return slice(x, 0, half(), rows); }
  // Positives computed apart, [2N].
  Tensor apart() const {
    const Tensor half_of = sum(top(z) * bottom(z), 1) / kTemperature;
    return concat({half_of, half_of}, 0);
  }
  // i + N, then i.
  Tensor labels() const { return concat({iota({half()}, 0) + dim_size(half(), DType::i32), iota({half()}, 0)}, 0); }
};

struct Form {
  const char* name;
  Loss loss;
};

std::vector<Form> forms() {
  return {
      {"the library's", [](const Tensor& v) { return nt_xent(v, kTemperature); }},
      {"log of a sum, masked by select",
       [](const Tensor& v) {
         const Parts p(v);
         return mean(log(sum(exp(select(p.same, -1e9, p.s)), 1)) - p.partners());
       }},
      {"the mask subtracts a large number",
       [](const Tensor& v) {
         const Parts p(v);
         return mean(log(sum(exp(p.s - 1e9 * p.eye()), 1)) - p.partners());
       }},
      {"the mask adds a large negative number",
       [](const Tensor& v) {
         const Parts p(v);
         return mean(log_sum_exp(p.s + p.eye() * -1e9, 1) - reshape(p.partners(), {p.rows, 1}));
       }},
      {"the mask multiplies exp",
       [](const Tensor& v) {
         const Parts p(v);
         return mean(log(sum(exp(p.s) * (1 - p.eye()), 1)) - p.partners());
       }},
      {"the mask selects exp",
       [](const Tensor& v) {
         const Parts p(v);
         return mean(log(sum(select(p.i != p.j, exp(p.s), 0), 1)) - p.partners());
       }},
      {"- log(exp / sum)",
       [](const Tensor& v) {
         const Parts p(v);
         return mean(-log(exp(p.partners()) / sum(exp(p.s) * (1 - p.eye()), 1)));
       }},
      {"cross-entropy with labels",
       [](const Tensor& v) {
         const Parts p(v);
         return softmax_cross_entropy(select(p.same, -1e9, p.s), p.labels());
       }},
      {"cross-entropy by log-softmax and a mask that multiplies",
       [](const Tensor& v) {
         const Parts p(v);
         const Tensor scores = log_softmax(p.s - 1e9 * p.eye());
         return -sum(scores * cast(p.is_partner, DType::f32)) / dim_size(p.rows);
       }},
      {"positives apart",
       [](const Tensor& v) {
         const Parts p(v);
         return mean(log(sum(exp(select(p.same, -1e9, p.s)), 1)) - p.apart());
       }},
      {"views normalised one by one, the temperature on the rows",
       [](const Tensor& v) {
         const Parts p(v);
         const Tensor z = concat({l2_normalize(p.top(v)), l2_normalize(p.bottom(v))}, 0);
         const Tensor s = matmul(z / kTemperature, transpose(z));
         return mean(log(sum(exp(select(p.same, -1e9, s)), 1)) - sum(select(p.is_partner, s, 0), 1));
       }},
      {"rows of any length",
       [](const Tensor& v) {
         const Parts p(v);
         const Tensor s = matmul(v, transpose(v)) * 0.25;
         return mean(log_sum_exp(select(p.same, -1e9, s), 1)) - mean(sum(select(p.is_partner, s, 0), 1));
       }},
  };
}

}  // namespace

TEST_CASE("each way of writing NT-Xent streams, with the values and gradients of the matrix") {
  const std::vector<double> views = random_views(10, 6);
  for (const Form& form : forms()) {
    CAPTURE(form.name);
    const GraphPtr loss = graph_of(form.loss, kViews);
    const Compiled with = gradients_of(loss, true), without = gradients_of(loss, false);
    for (const passes::Note& note : with.notes) CAPTURE(note.text);
    CHECK(count(*with.graph, ir::OpCode::similarity_lse) == 1);
    CHECK(count(*with.graph, ir::OpCode::similarity_lse_grad) == 1);
    CHECK(count(*with.graph, ir::OpCode::matmul) == 0);
    REQUIRE(with.notes.size() == 1);
    CHECK(with.notes[0].text.find("never stored") != std::string::npos);
    CHECK(with.notes[0].location.line > 0);
    CHECK(count(*without.graph, ir::OpCode::similarity_lse) == 0);
    CHECK(without.notes.empty());
    CHECK(largest_difference(evaluate(with.graph, 5, views), evaluate(without.graph, 5, views)) < 1e-9);
  }
}

TEST_CASE("on the cpu: the streaming form, tile by tile, against the matrix in double, for any number of rows") {
  const GraphPtr loss = graph_of([](const Tensor& v) { return nt_xent(v, 0.2); }, kViews);
  const Compiled with = gradients_of(loss, true), without = gradients_of(loss, false);
  for (const std::int64_t pairs : {2, 33, 100, 260}) {
    CAPTURE(pairs);
    const std::vector<double> views = random_views(2 * pairs, 6, 3);
    const std::vector<double> expected = evaluate(without.graph, pairs, views);
    const std::vector<double> one = run_on_cpu(with.graph, pairs, views, 1);
    CHECK(largest_difference(one, expected) < 3e-6);
    CHECK(one == run_on_cpu(with.graph, pairs, views, 3));
    CHECK(largest_difference(run_on_cpu(without.graph, pairs, views, 1), expected) < 3e-6);
  }
}

namespace {

// The loss of two views, then its gradients by both, with the streaming ops and in double.
std::vector<double> of_views(const std::vector<double>& first, const std::vector<double>& second, std::int64_t width,
                             double temperature) {
  const auto pairs = std::int64_t(first.size()) / width;
  ir::Module module{"m", {}};
  {
    Entry entry(module, "loss", Mode::train);
    const Tensor a = parameter("a", {B, width}, {}), b = parameter("b", {B, width}, {});
    entry.output("loss", nt_xent(a, b, temperature));
  }
  const Compiled compiled = gradients_of(std::make_shared<const ir::Graph>(module.graphs[0]), true);
  CHECK(count(*compiled.graph, ir::OpCode::similarity_lse) == 1);
  const ir::Graph bound = ir::bind(*compiled.graph, {{"B", pairs}});
  std::vector<double> numbers;
  const auto outputs = reference::run<double>(
      bound, {{bound.type(bound.inputs[0].value), first}, {bound.type(bound.inputs[1].value), second}});
  for (const reference::Tensor& output : outputs) numbers.insert(numbers.end(), output.data.begin(), output.data.end());
  return numbers;
}

double nt_xent_of(const std::vector<double>& first, const std::vector<double>& second, std::int64_t width,
                  double temperature) {
  return of_views(first, second, width, temperature)[0];
}

}  // namespace

TEST_CASE("NT-Xent has the values and gradients of other software") {
  const std::vector<double> v1{1, 0, 0, 1}, v2{.8, .6, -.6, .8};
  CHECK(nt_xent_of(v1, v2, 2, 1) == doctest::Approx(.673576788887094).epsilon(1e-12));
  CHECK(nt_xent_of(v1, v2, 2, .5) == doctest::Approx(.430190277136712).epsilon(1e-12));
  CHECK(nt_xent_of(v1, v2, 2, .1) == doctest::Approx(.063779839761911).epsilon(1e-12));
  const std::vector<double> gradients{
      .430190277136712, 0, -.029785385341, .622470712587, 0, -.373482427552, .497976570070, -.023828308273,
      -.017871231205};
  CHECK(largest_difference(of_views(v1, v2, 2, .5), gradients) < 1e-11);

  const std::vector<double> a{1, 2, 2, 2, -1, 0, .5, .5, 1}, b{1, 2, 1, 1, -1, .5, 0, 1, 1};
  const std::vector<double> of_a = of_views(a, b, 3, .5);
  CHECK(of_a[0] == doctest::Approx(.966735901098002).epsilon(1e-12));
  CHECK(of_a[1] == doctest::Approx(-.00460116605).epsilon(1e-8));
  CHECK(of_a[2] == doctest::Approx(-.05533264729).epsilon(1e-8));
  CHECK(of_a[3] == doctest::Approx(.05763323031).epsilon(1e-8));
  // Scaling a row changes nothing, so no gradient goes along it.
  CHECK(std::abs(a[0] * of_a[1] + a[1] * of_a[2] + a[2] * of_a[3]) < 1e-12);
}

TEST_CASE("limits: equal rows, orthonormal pairs, scale, permutation of pairs, a cold temperature, a row of zeros") {
  const std::vector<double> equal(12, 0.7);
  CHECK(nt_xent_of(equal, equal, 3, .5) == doctest::Approx(std::log(7.0)).epsilon(1e-12));

  std::vector<double> unit(16, 0);
  for (std::size_t i = 0; i < 4; ++i) unit[i * 4 + i] = 1;
  CHECK(nt_xent_of(unit, unit, 4, .5) == doctest::Approx(-2 + std::log(std::exp(2.0) + 6)).epsilon(1e-12));

  const std::vector<double> a = random_views(4, 3), b = random_views(4, 3, 2);
  const double loss = nt_xent_of(a, b, 3, .3);
  std::vector<double> scaled = a, a_turned(a.begin() + 3, a.end()), b_turned(b.begin() + 3, b.end());
  for (double& each : scaled) each *= 1000;
  CHECK(nt_xent_of(scaled, b, 3, .3) == doctest::Approx(loss).epsilon(1e-12));
  a_turned.insert(a_turned.end(), a.begin(), a.begin() + 3);
  b_turned.insert(b_turned.end(), b.begin(), b.begin() + 3);
  CHECK(nt_xent_of(a_turned, b_turned, 3, .3) == doctest::Approx(loss).epsilon(1e-12));

  const GraphPtr cold = gradients_of(graph_of([](const Tensor& v) { return nt_xent(v, 0.01); }, kViews), true).graph;
  std::vector<double> views = random_views(40, 6);
  for (const double each : run_on_cpu(cold, 20, views, 1)) CHECK(std::isfinite(each));
  CHECK(largest_difference(run_on_cpu(cold, 20, views, 1), evaluate(cold, 20, views)) < 1e-4);
  for (std::size_t k = 0; k < 6; ++k) views[k] = 0;
  for (const double each : run_on_cpu(cold, 20, views, 1)) CHECK(std::isfinite(each));
}

TEST_CASE("gradients against finite differences, by the rows and by a temperature that is trained") {
  ir::Module module{"m", {}};
  {
    Entry entry(module, "loss", Mode::train);
    const Tensor views = parameter("views", kViews, {}), log_temperature = parameter("t", {}, {});
    entry.output("loss", nt_xent(views, exp(log_temperature)));
  }
  const Compiled compiled = gradients_of(std::make_shared<const ir::Graph>(module.graphs[0]), true);
  REQUIRE(count(*compiled.graph, ir::OpCode::similarity_lse) == 1);
  const ir::Graph bound = ir::bind(*compiled.graph, {{"B", 3}});
  std::vector<reference::Tensor> inputs{{bound.type(bound.inputs[0].value), random_views(6, 6)},
                                        {bound.type(bound.inputs[1].value), {-0.4}}};
  const auto outputs = reference::run<double>(bound, inputs);
  for (std::size_t input = 0; input < 2; ++input)
    for (std::size_t i = 0; i < inputs[input].data.size(); ++i) {
      constexpr double kStep = 1e-5;
      const double before = inputs[input].data[i];
      inputs[input].data[i] = before + kStep;
      const double above = reference::run<double>(bound, inputs)[0].data[0];
      inputs[input].data[i] = before - kStep;
      const double below = reference::run<double>(bound, inputs)[0].data[0];
      inputs[input].data[i] = before;
      CHECK(outputs[1 + input].data[i] == doctest::Approx((above - below) / (2 * kStep)).epsilon(1e-6));
    }
}

TEST_CASE("what is not NT-Xent keeps its matrix, and a note says why") {
  struct Miss {
    const char* reason;
    Loss loss;
  };
  const Miss misses[] = {
      {"mask the diagonal",
       [](const Tensor& v) {
         const Parts p(v);
         return mean(log_sum_exp(p.s, 1)) - mean(p.partners());
       }},
      {"[select] needs the whole matrix",  // drops two diagonals
       [](const Tensor& v) {
         const Parts p(v);
         return mean(log_sum_exp(select(p.same | p.is_partner, -1e9, p.s), 1) - reshape(p.partners(), {p.rows, 1}));
       }},
      {"[select] needs the whole matrix",  // a mask that drops little
       [](const Tensor& v) {
         const Parts p(v);
         return mean(log_sum_exp(select(p.same, -10, p.s), 1));
       }},
      {"the factor of the similarities is negative",
       [](const Tensor& v) {
         const Parts p(v);
         return mean(log(sum(exp(select(p.same, -1e9, -p.s)), 1)));
       }},
      {"cannot tell that the factor of the similarities is positive",
       [](const Tensor& v) {
         const Parts p(v);
         return mean(log_sum_exp(select(p.same, -1e9, p.s * parameter("scale", {}, {})), 1));
       }},
      {"[mul] needs the whole matrix",  // another reader of the matrix
       [](const Tensor& v) {
         const Parts p(v);
         return nt_xent(v, kTemperature) + mean(square(p.s));
       }},
  };
  for (const Miss& miss : misses) {
    CAPTURE(miss.reason);
    const Compiled compiled = gradients_of(graph_of(miss.loss, kViews), true);
    CHECK(count(*compiled.graph, ir::OpCode::similarity_lse) == 0);
    REQUIRE(compiled.notes.size() == 1);
    CAPTURE(compiled.notes[0].text);
    CHECK(compiled.notes[0].text.find(miss.reason) != std::string::npos);
  }
  // No similarities of rows with each other: nothing to say.
  CHECK(gradients_of(graph_of([](const Tensor& v) { return mean(exp(matmul(v, transpose(v * 2 + 1)))); }, kViews), true)
            .notes.empty());
}

TEST_CASE("rows of a number that is known stream too, and the note says the bytes") {
  const Compiled compiled = gradients_of(graph_of([](const Tensor& v) { return nt_xent(v, 0.5); }, {400, 6}), true);
  REQUIRE(compiled.notes.size() == 1);
  CHECK(compiled.notes[0].text ==
        "the similarities f32[400,400] are computed tile by tile, forward and backward, and never stored: each copy "
        "would take 640000 bytes");
}

TEST_CASE("mistakes: a temperature that is not positive, one view alone, views that differ") {
  const auto error = [](const Loss& loss, const Dims& dims) { return test::error_of([&] { graph_of(loss, dims); }); };
  for (const double temperature : {0.0, -0.5, std::nan("")}) {
    const std::string text = error([&](const Tensor& v) { return nt_xent(v, temperature); }, kViews);
    CHECK(text.find("contrastive_test.cpp:") != std::string::npos);
    CHECK(text.find("[nt_xent] the temperature must be above 0, got") != std::string::npos);
  }
  CHECK(error([](const Tensor& v) { return nt_xent(v, 0.5); }, {7, 3})
            .find("as rows i and i + N of [2N,D], got f32[7,3]") != std::string::npos);
  CHECK(error([](const Tensor& v) { return nt_xent(v, slice(v, 1, 0, 3), 0.5); }, kViews)
            .find("[nt_xent] the two views must have the same dims, got f32[2*B,6] and f32[2*B,3]") !=
        std::string::npos);
  const GraphPtr loss = graph_of([](const Tensor& v) { return nt_xent(v, 0.5); }, kViews);
  const std::string alone = test::error_of([&] { ir::bind(*loss, {{"B", 1}}); });
  CAPTURE(alone);
  CHECK(alone.find("contrastive_test.cpp:") != std::string::npos);
  CHECK(alone.find("NT-Xent") != std::string::npos);
}
