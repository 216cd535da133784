#include "tests/support/random_graph.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "ir/error.h"
#include "passes/expr.h"

namespace weft::test {

using ir::Builder;
using ir::OpCode;
using ir::ValueId;
using passes::Expr;

namespace {

class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed), builder_("random") {
    constexpr std::int64_t kSizes[] = {1, 2, 3, 5, 7, 8, 16, 17, 31, 33, 64, 100};
    rows_ = kSizes[pick(std::size(kSizes))];
    columns_ = kSizes[pick(std::size(kSizes))];
  }

  ir::GraphPtr make() {
    rng_ = input("rng", ir::i32({4}), ir::Role::rng);
    for (int i = 0; i < 3; ++i) values_.push_back(input(fmt::format("x{}", i), ir::f32({rows_, columns_})));
    values_.push_back(input("row", ir::f32({columns_})));
    values_.push_back(input("column", ir::f32({rows_, 1})));
    values_.push_back(input("scalar", ir::f32({})));
    const Expr table = input("table", {ir::DType::u8, {23, columns_}});
    const Expr indices = input("indices", ir::i32({rows_}));
    values_.push_back(passes::cast(passes::apply(OpCode::gather, {table, indices}), ir::DType::f32) * (1.0 / 255));
    const int ops = 8 + int(pick(24));
    for (int i = 0; i < ops; ++i) values_.push_back(step());
    const int outputs = 1 + int(pick(4));
    for (int i = 0; i < outputs; ++i)
      builder_.output(fmt::format("y{}", i),
                      values_[values_.size() - 1 - pick(std::min<std::size_t>(values_.size(), 10))].id);
    return std::make_shared<const ir::Graph>(builder_.take());
  }

 private:
  std::size_t pick(std::size_t count) { return std::uniform_int_distribution<std::size_t>(0, count - 1)(random_); }
  Expr input(const std::string& name, ir::Type type, ir::Role role = ir::Role::data) {
    return {&builder_, builder_.input(name, std::move(type), role)};
  }
  Expr any() { return values_[pick(values_.size())]; }

  // A value that broadcasts with `x`.
  Expr partner(Expr x) {
    for (int tries = 0; tries < 20; ++tries)
      if (const Expr y = any(); ir::broadcast(x.dims(), y.dims())) return y;
    return x;
  }

  Expr matrix() {
    for (int tries = 0; tries < 20; ++tries)
      if (const Expr x = any(); x.rank() == 2) return x;
    return values_[0];
  }

  Expr step() {
    switch (pick(20)) {
      case 0:
      case 1:
      case 2:
        return unary(any());
      case 3:
      case 4:
      case 5:
      case 6:
      case 7: {
        const Expr x = any();
        return binary(x, partner(x));
      }
      case 8: {
        const Expr x = any(), y = partner(x);
        return passes::select(passes::lt(x, y), x * 0.5, y);
      }
      case 9:
      case 10: {
        const Expr x = matrix();
        return passes::reduce_sum(x, {std::int64_t(pick(2))}) * 0.1;
      }
      case 11:
        return passes::reduce_sum(matrix(), {0, 1}) * 0.01;
      case 12: {
        const Expr x = matrix();
        return x - passes::reduce_max(x, {1});
      }
      case 13: {
        const Expr x = matrix();
        const Expr e = passes::exp(passes::tanh(x));
        return e / passes::reduce_sum(e, {1});
      }
      case 14: {
        const Expr x = matrix();
        const auto code = pick(2) ? OpCode::random_normal : OpCode::random_uniform;
        return x +
               passes::apply(code, {rng_}, ir::Attrs().set(ir::Attr::stream, std::int64_t(pick(5))), x.type()) * 0.5;
      }
      case 15: {
        const Expr a = matrix(), b = matrix();
        const bool fits = a.dims()[0] == b.dims()[0];
        return fits ? passes::tanh(passes::matmul(a, b, true, false)) : unary(a);
      }
      case 16: {
        const Expr a = matrix(), b = matrix();
        const bool fits = a.dims()[1] == b.dims()[1];
        return fits ? passes::tanh(passes::matmul(a, b, false, true)) : unary(b);
      }
      case 17:
        return passes::transpose(matrix(), {1, 0});
      case 18: {
        const Expr x = matrix();
        const std::int64_t width = ir::number(x.dims()[1]);
        if (width < 2) return unary(x);
        const std::int64_t cut = 1 + std::int64_t(pick(std::size_t(width - 1)));
        const Expr left = passes::slice(x, {0, 0}, {x.dims()[0], cut}),
                   right = passes::slice(x, {0, cut}, {x.dims()[0], width - cut});
        return passes::concat({unary(left), binary(right, right)}, 1);
      }
      default: {
        const Expr x = matrix();
        const std::int64_t count = ir::number(x.dims()[0]) * ir::number(x.dims()[1]);
        const std::int64_t offset = (count + 15) / 16 * 16;
        const Expr flat = passes::pack({unary(x), passes::reshape(x * 0.25, {count})}, {0, offset}, 2 * offset);
        return passes::view(flat * 0.5, pick(2) ? offset : 0, x.type());
      }
    }
  }

  Expr unary(Expr x) {
    switch (pick(8)) {
      case 0:
        return passes::tanh(x);
      case 1:
        return passes::sigmoid(x);
      case 2:
        return passes::exp(passes::min(x, 1.0));
      case 3:
        return passes::relu(x);
      case 4:
        return -x;
      case 5:
        return passes::log(passes::abs(x) + 1.0);
      case 6:
        return passes::softplus(x);
      default:
        return x * 0.5 + 0.25;
    }
  }

  Expr binary(Expr a, Expr b) {
    switch (pick(5)) {
      case 0:
        return a + b;
      case 1:
        return a - b;
      case 2:
        return passes::max(a, b);
      case 3:
        return a / (passes::abs(b) + 1.0);
      default:
        return passes::tanh(a) * b;
    }
  }

  std::mt19937 random_;
  Builder builder_;
  std::int64_t rows_ = 0, columns_ = 0;
  Expr rng_;
  std::vector<Expr> values_;
};

}  // namespace

ir::GraphPtr random_graph(unsigned seed) { return Generator(seed).make(); }

std::vector<reference::Tensor> random_inputs(const ir::Graph& graph, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<reference::Tensor> inputs;
  for (const ir::Input& input : graph.inputs) {
    reference::Tensor tensor = reference::filled(graph.type(input.value), 0);
    for (double& element : tensor.data) switch (tensor.type.dtype) {
        case ir::DType::u8:
          element = double(random() % 256);
          break;
        case ir::DType::boolean:
          element = double(random() % 2);
          break;
        case ir::DType::i32:
          element = input.role == ir::Role::rng ? double(std::int32_t(random())) : double(random() % 23);
          break;
        case ir::DType::f32:
        case ir::DType::bf16:
        case ir::DType::f16:
          element = reference::round_to(tensor.type.dtype, std::uniform_real_distribution<double>(-1, 1)(random));
          break;
      }
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

double largest_difference(const std::vector<reference::Tensor>& a, const std::vector<reference::Tensor>& b) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (a.size() != b.size()) return kInfinity;
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i].type != b[i].type) return kInfinity;
    for (std::size_t j = 0; j < a[i].data.size(); ++j) {
      const double x = a[i].data[j], y = b[i].data[j];
      if (x == y || (std::isnan(x) && std::isnan(y))) continue;
      const double difference = std::abs(x - y) / (1 + std::abs(y));
      if (!(difference <= largest)) largest = std::isnan(difference) ? kInfinity : difference;
    }
  }
  return largest;
}

}  // namespace weft::test
