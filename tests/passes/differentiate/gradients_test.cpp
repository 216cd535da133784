// Every gradient rule against central finite differences in double, over the op table: an op that has neither a sample
// here nor a reason not to have one fails.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <random>

#include "backends/reference/reference.h"
#include "ir/verify.h"
#include "passes/expr.h"
#include "passes/passes.h"

using namespace weft;
using namespace weft::passes;
using ir::Attr;
using ir::Attrs;
using ir::Dims;
using ir::OpCode;
using reference::Tensor;

namespace {

using Pair = std::vector<std::int64_t>;

// A graph in the making, with random numbers for each of its inputs.
class Sample {
 public:
  explicit Sample(unsigned seed) : random_(seed), builder_("sample") {}

  std::int64_t size(int low = 1, int high = 4) { return std::uniform_int_distribution<>(low, high)(random_); }
  Dims dims(int rank) {
    Dims result;
    for (int i = 0; i < rank; ++i) result.push_back(size());
    return result;
  }

  Expr param(Dims dims, double low = -1.5, double high = 1.5) {
    return input(std::move(dims), ir::Role::param, low, high);
  }
  Expr data(Dims dims, double low = -1.5, double high = 1.5) {
    return input(std::move(dims), ir::Role::data, low, high);
  }
  // i32 numbers from 0 to `count` - 1.
  Expr indices(std::int64_t length, std::int64_t count) {
    const Expr result{&builder_, builder_.input(next_name(), ir::i32({length}))};
    Tensor values = reference::filled(result.type(), 0);
    for (double& each : values.data) each = double(size(0, int(count - 1)));
    inputs_.push_back(std::move(values));
    return result;
  }
  Expr source(OpCode code, Attrs attrs, ir::Type type) {
    return {&builder_, builder_.create(code, {}, std::move(attrs), std::move(type))};
  }

  // The loss is a weighted sum of `y`, so that every element of its gradient counts.
  GraphPtr finish(Expr y) {
    const Expr weights = data(y.dims());
    builder_.output("loss", sum_all(cast(y, ir::DType::f32) * weights).id);
    return std::make_shared<const ir::Graph>(builder_.take());
  }
  std::vector<Tensor>& inputs() { return inputs_; }

 private:
  std::string next_name() { return "x" + std::to_string(inputs_.size()); }
  Expr input(Dims dims, ir::Role role, double low, double high) {
    const ir::Type type = ir::f32(std::move(dims));
    const Expr result{&builder_, builder_.input(next_name(), type, role)};
    Tensor values = reference::filled(type, 0);
    for (double& each : values.data) each = std::uniform_real_distribution<>(low, high)(random_);
    inputs_.push_back(std::move(values));
    return result;
  }

  std::mt19937 random_;
  ir::Builder builder_;
  std::vector<Tensor> inputs_;
};

double loss_of(const ir::Graph& graph, const std::vector<Tensor>& inputs) {
  return reference::run<double>(graph, inputs)[graph.find_output("loss")].data[0];
}

// Compares every `grad.*` with (loss(x+h) - loss(x-h)) / 2h.
void check_gradients(const GraphPtr& graph, std::vector<Tensor> inputs) {
  Context context;
  const GraphPtr differentiated = differentiate(graph, context);
  ir::verify(*differentiated);
  const std::vector<Tensor> outputs = reference::run<double>(*differentiated, inputs);
  constexpr double kStep = 1e-5;
  int compared = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (graph->inputs[i].role != ir::Role::param) continue;
    const std::uint32_t output = differentiated->find_output("grad." + graph->input_name(std::uint32_t(i)));
    REQUIRE(output != ir::kNone);
    const Tensor& gradient = outputs[output];
    REQUIRE(gradient.type == inputs[i].type);
    for (std::size_t j = 0; j < inputs[i].data.size(); ++j) {
      const double value = inputs[i].data[j];
      inputs[i].data[j] = value + kStep;
      const double above = loss_of(*graph, inputs);
      inputs[i].data[j] = value - kStep;
      const double below = loss_of(*graph, inputs);
      inputs[i].data[j] = value;
      const double expected = (above - below) / (2 * kStep);
      CHECK(std::abs(gradient.data[j] - expected) <= 1e-6 * (1 + std::abs(expected)));
      ++compared;
    }
  }
  CHECK(compared > 0);
}

using Build = std::function<Expr(Sample&)>;

Build unary(OpCode code, double low = -1.5, double high = 1.5) {
  return [=](Sample& s) { return apply(code, {s.param(s.dims(2), low, high)}); };
}

// Operands of equal dims, broadcast both ways, a scalar, and the same value twice.
std::vector<Build> binary(OpCode code, double low = -1.5, double high = 1.5) {
  return {[=](Sample& s) {
            const Dims dims = s.dims(3);
            return apply(code, {s.param(dims, low, high), s.param(dims, low, high)});
          },
          [=](Sample& s) {
            const std::int64_t n = s.size(2), m = s.size(2);
            return apply(code, {s.param({n, 1}, low, high), s.param({m}, low, high)});
          },
          [=](Sample& s) {
            return apply(code, {s.param({}, low, high), s.param(s.dims(2), low, high)});
          },
          [=](Sample& s) {
            const Expr x = s.param(s.dims(1), low, high);
            return apply(code, {x, x + 0.25}) * x;
          }};
}

Attrs window(Pair stride, Pair padding) {
  return Attrs().set(Attr::stride, std::move(stride)).set(Attr::padding, std::move(padding));
}

struct ConvolutionCase {
  std::int64_t in, out, groups;  // channels
  Pair kernel, stride, padding, dilation, output_padding;
  Attrs attrs(bool transposed) const {
    Attrs attrs = window(stride, padding);
    attrs.set(Attr::dilation, dilation).set(Attr::groups, groups);
    if (transposed) attrs.set(Attr::output_padding, output_padding);
    return attrs;
  }
};
const std::vector<ConvolutionCase> kConvolutions = {
    {1, 1, 1, {3, 3}, {1, 1}, {0, 0}, {1, 1}, {0, 0}}, {2, 3, 1, {3, 2}, {2, 1}, {1, 0}, {1, 1}, {1, 0}},
    {4, 2, 2, {2, 3}, {2, 3}, {1, 2}, {1, 1}, {1, 2}}, {2, 2, 1, {2, 2}, {1, 2}, {1, 1}, {2, 2}, {0, 1}},
    {2, 4, 2, {3, 3}, {1, 1}, {2, 1}, {3, 2}, {2, 1}},  // output padding beyond the stride
    {3, 3, 3, {3, 3}, {2, 2}, {1, 1}, {1, 1}, {1, 1}},
};

std::vector<Build> convolutions(bool transposed) {
  std::vector<Build> result;
  for (const ConvolutionCase& c : kConvolutions)
    result.push_back([=](Sample& s) {
      const Expr x = s.param({s.size(1, 2), c.in, s.size(5, 7), s.size(5, 7)});
      const Dims kernel = transposed ? Dims{c.in, c.out / c.groups, c.kernel[0], c.kernel[1]}
                                     : Dims{c.out, c.in / c.groups, c.kernel[0], c.kernel[1]};
      const Expr w = s.param(kernel), bias = s.param({c.out});
      Attrs attrs = c.attrs(transposed);
      if (s.size(0, 1)) attrs.set(Attr::activation, std::string("tanh"));
      return apply(transposed ? OpCode::conv_transpose2d : OpCode::conv2d, {x, w, bias}, attrs);
    });
  return result;
}

std::vector<Build> weight_gradients() {
  std::vector<Build> result;
  for (const ConvolutionCase& c : kConvolutions)
    result.push_back([=](Sample& s) {
      const Expr x = s.param({2, c.in, 6, 7});
      const Dims kernel{c.out, c.in / c.groups, c.kernel[0], c.kernel[1]};
      const Dims y = apply(OpCode::conv2d, {x, s.data(kernel)}, c.attrs(false)).dims();
      return apply(OpCode::conv2d_weight_grad, {x, s.param(y)}, c.attrs(false).set(Attr::kernel, c.kernel));
    });
  return result;
}

std::vector<Build> matmuls() {
  std::vector<Build> result;
  for (const bool ta : {false, true})
    for (const bool tb : {false, true})
      for (const char* activation : {"", "relu", "sigmoid"})
        result.push_back([=](Sample& s) {
          const std::int64_t m = s.size(), k = s.size(), n = s.size();
          Attrs attrs;
          attrs.set(Attr::transpose_a, std::int64_t(ta)).set(Attr::transpose_b, std::int64_t(tb));
          attrs.set(Attr::activation, std::string(activation));
          return apply(OpCode::matmul,
                       {s.param(ta ? Dims{k, m} : Dims{m, k}), s.param(tb ? Dims{n, k} : Dims{k, n}), s.param({n})},
                       attrs);
        });
  result.push_back([](Sample& s) {
    const Expr x = s.param({3, 3});
    return matmul(x, x);
  });
  for (const bool ta : {false, true})
    for (const bool tb : {false, true})
      result.push_back([=](Sample& s) {
        const std::int64_t count = s.size(), m = s.size(), k = s.size(), n = s.size();
        return matmul(s.param(ta ? Dims{count, k, m} : Dims{count, m, k}),
                      s.param(tb ? Dims{count, n, k} : Dims{count, k, n}), ta, tb);
      });
  return result;
}

std::vector<Build> pools(OpCode code) {
  std::vector<Build> result;
  for (const Attrs& attrs : {window({2, 2}, {0, 0}), window({1, 2}, {1, 0}), window({3, 1}, {1, 1})})
    result.push_back([=](Sample& s) {
      return apply(code, {s.param({2, s.size(1, 2), s.size(4, 6), s.size(4, 6)})},
                   Attrs(attrs).set(Attr::kernel, Pair{3, 2}));
    });
  return result;
}

std::vector<Build> reductions(OpCode code) {
  std::vector<Build> result;
  for (const Pair& axes : {Pair{0}, Pair{1}, Pair{0, 2}, Pair{0, 1, 2}})
    result.push_back([=](Sample& s) { return apply(code, {s.param(s.dims(3))}, Attrs().set(Attr::axes, axes)); });
  return result;
}

Expr near_identity(Sample& s, std::int64_t batch) {
  const Expr noise = s.data({batch, 2, 3}, -0.4, 0.4);
  const Expr identity =
      s.source(OpCode::constant, Attrs().set(Attr::values, std::vector<double>{1, 0, 0, 0, 1, 0}), ir::f32({2, 3}));
  return noise + identity;
}

// Ops without a gradient, and why.
const std::map<OpCode, const char*> kNotDifferentiable = {
    {OpCode::constant, "a source"},
    {OpCode::iota, "a source"},
    {OpCode::dim_size, "a source"},
    {OpCode::random_uniform, "a source"},
    {OpCode::random_normal, "a source"},
    {OpCode::stop_gradient, "a constant by definition"},
    {OpCode::sign, "flat wherever it has a slope"},
    {OpCode::floor, "flat wherever it has a slope"},
    {OpCode::logical_not, "a truth value"},
    {OpCode::logical_and, "a truth value"},
    {OpCode::logical_or, "a truth value"},
    {OpCode::eq, "a truth value"},
    {OpCode::ne, "a truth value"},
    {OpCode::lt, "a truth value"},
    {OpCode::le, "a truth value"},
    {OpCode::gt, "a truth value"},
    {OpCode::ge, "a truth value"},
    {OpCode::similarity_lse_grad, "second derivative; an Error"},
    {OpCode::similarity_tiles, "made after differentiate; an Error"},
    {OpCode::max_pool2d_grad, "second derivative; an Error"},
    {OpCode::fused, "made after differentiate; an Error"},
};

std::map<OpCode, std::vector<Build>> samples() {
  std::map<OpCode, std::vector<Build>> all;
  // The functions of one float; those of positive numbers are sampled there, below.
  for (const std::string& name : ir::activation_names()) {
    const OpCode code = *ir::parse_op(name);
    if (!kNotDifferentiable.contains(code)) all[code] = {unary(code)};
  }
  for (const OpCode code : {OpCode::log, OpCode::sqrt, OpCode::rsqrt}) all[code] = {unary(code, 0.3, 2)};
  all[OpCode::log1p] = {unary(OpCode::log1p, -0.6, 2)};
  all[OpCode::cast] = {[](Sample& s) { return cast(cast(s.param(s.dims(2)), ir::DType::bf16) * 2, ir::DType::f32); }};
  for (const OpCode code : {OpCode::add, OpCode::sub, OpCode::mul, OpCode::max, OpCode::min}) all[code] = binary(code);
  for (const OpCode code : {OpCode::div, OpCode::pow}) all[code] = binary(code, 0.4, 2);
  all[OpCode::select] = {[](Sample& s) {
                           const Dims dims = s.dims(2);
                           return select(gt(s.data(dims), 0), s.param(dims), s.param(dims));
                         },
                         [](Sample& s) {
                           const std::int64_t n = s.size(2), m = s.size(2);
                           return select(gt(s.data({n, 1}), 0), s.param({m}), s.param({}));
                         }};
  for (const OpCode code : {OpCode::reduce_sum, OpCode::reduce_max}) all[code] = reductions(code);
  all[OpCode::matmul] = matmuls();
  all[OpCode::conv2d] = convolutions(false);
  all[OpCode::conv_transpose2d] = convolutions(true);
  all[OpCode::conv2d_weight_grad] = weight_gradients();
  all[OpCode::similarity_lse] = {[](Sample& s) {
    const std::int64_t rows = 2 * s.size();
    return apply(OpCode::similarity_lse, {s.param({rows, 3}), s.param({rows, 1}, 0.5, 1.5)});
  }};
  for (const OpCode code : {OpCode::max_pool2d, OpCode::avg_pool2d}) all[code] = pools(code);
  all[OpCode::avg_pool2d_grad] = {[](Sample& s) {
    return apply(OpCode::avg_pool2d_grad, {s.param({2, 1, 3, 3})}, window({2, 1}, {1, 0}).set(Attr::kernel, Pair{2, 2}),
                 ir::f32({2, 1, 5, 4}));
  }};
  all[OpCode::broadcast] = {[](Sample& s) {
    const std::int64_t n = s.size();
    return broadcast(s.param({n, 1}), {s.size(), n, s.size()});
  }};
  all[OpCode::reshape] = {[](Sample& s) { return reshape(s.param({2, 3, 2}), {4, 3}); }};
  all[OpCode::transpose] = {[](Sample& s) {
                              return transpose(s.param(s.dims(3)), {2, 0, 1});
                            },
                            [](Sample& s) {
                              return transpose(s.param(s.dims(4)), {3, 2, 0, 1});
                            }};
  all[OpCode::slice] = {[](Sample& s) { return slice(s.param({4, 5}), {1, 2}, {3, 2}); }};
  all[OpCode::pad] = {[](Sample& s) { return pad(s.param({2, 3}), {1, 0}, {4, 5}); }};
  all[OpCode::concat] = {[](Sample& s) {
    const std::int64_t n = s.size();
    const Expr x = s.param({n, s.size()});
    return concat({x, s.param({n, s.size()}), x}, 1);
  }};
  all[OpCode::gather] = {[](Sample& s) { return apply(OpCode::gather, {s.param({3, s.size()}), s.indices(5, 3)}); }};
  all[OpCode::scatter_add] = {[](Sample& s) {
    return apply(OpCode::scatter_add, {s.indices(5, 3), s.param({5, 2})}, {}, ir::f32({3, 2}));
  }};
  all[OpCode::affine_sample] = {[](Sample& s) {
    return apply(OpCode::affine_sample, {s.param({2, 2, 4, 5}), near_identity(s, 2)}, {}, ir::f32({2, 2, 3, 6}));
  }};
  all[OpCode::affine_sample_grad] = {[](Sample& s) {
    return apply(OpCode::affine_sample_grad, {near_identity(s, 2), s.param({2, 1, 3, 4})}, {}, ir::f32({2, 1, 5, 4}));
  }};
  all[OpCode::pack] = {[](Sample& s) { return pack({s.param({2, 3}), s.param({4})}, {16, 0}, 32); }};
  all[OpCode::view] = {[](Sample& s) { return view(s.param({20}), 5, ir::f32({3, 4})); }};
  return all;
}

}  // namespace

TEST_CASE("every op has the gradient of finite differences") {
  const auto all = samples();
  for (std::size_t i = 0; i < ir::op_table().size(); ++i) {
    const auto code = OpCode(i);
    const std::string op_name{ir::name(code)};
    CAPTURE(op_name);
    const bool excused = kNotDifferentiable.count(code) != 0;
    CHECK((all.count(code) != 0) != excused);
    if (all.count(code) == 0) continue;
    for (std::size_t each = 0; each < all.at(code).size(); ++each)
      for (unsigned seed = 0; seed < 4; ++seed) {
        CAPTURE(each);
        CAPTURE(seed);
        Sample sample(seed * 977 + unsigned(each));
        const GraphPtr graph = sample.finish(all.at(code)[each](sample));
        CHECK(std::any_of(graph->ops.begin(), graph->ops.end(), [=](const ir::Op& op) { return op.code == code; }));
        check_gradients(graph, sample.inputs());
      }
  }
}
