// Elementwise ops, reductions, contractions and sources.
#include "frontend/ops.h"

#include <algorithm>

#include "frontend/recorder.h"
#include "ir/error.h"

namespace weft {

using ir::Attr;
using ir::Attrs;
using ir::OpCode;

// Elementwise

#define OPERANDS_1 Operand x
#define OPERANDS_2 Operand a, Operand b
#define NAMES_1 x
#define NAMES_2 a, b
#define FUNCTION(name, arity, ...) \
  Tensor name(OPERANDS_##arity) { return make(OpCode::name, {NAMES_##arity}); }
#include "ir/ops.def"
#undef OPERANDS_1
#undef OPERANDS_2
#undef NAMES_1
#undef NAMES_2

Tensor square(Operand x) { return make(OpCode::mul, {x, x}); }
Tensor maximum(Operand a, Operand b) { return make(OpCode::max, {a, b}); }
Tensor minimum(Operand a, Operand b) { return make(OpCode::min, {a, b}); }

Tensor clamp(Operand x, Operand low, Operand high) {
  const Composite call(x);
  return minimum(maximum(x, low), high);
}

Tensor select(Operand condition, Operand a, Operand b) {
  const Composite call(condition);  // so that two numbers get the graph and the location of the condition
  const std::vector<Tensor> both = as_tensors({a, b});
  return make(OpCode::select, {condition, both[0], both[1]});
}

Tensor cast(Operand x, DType dtype) {
  const Tensor from = as_tensors({x}).front();
  return make(OpCode::cast, {Operand(from, x.location())}, {}, ir::Type{dtype, from.dims()});
}

// Reductions

namespace {

std::vector<std::int64_t> ascending(const Tensor& x, const Axes& axes, const std::source_location& location) {
  const int rank = int(x.rank());
  std::vector<std::int64_t> result;
  for (const int axis : axes.values()) {
    x.dim(axis, location);  // checks the range
    result.push_back(axis < 0 ? axis + rank : axis);
  }
  std::sort(result.begin(), result.end());
  if (std::adjacent_find(result.begin(), result.end()) != result.end())
    x.recorder()->fail(location, fmt::format("an axis of {} is named twice", ir::to_string(x.type())));
  return result;
}

Axes all_axes(Operand x) {
  std::vector<int> axes(x.tensor() ? x.tensor()->rank() : 0);
  for (std::size_t i = 0; i < axes.size(); ++i) axes[i] = int(i);
  return axes;
}

Tensor reduce(OpCode code, Operand operand, const Axes& axes, bool keep_dims) {
  const Tensor x = as_tensors({operand}).front();
  const std::vector<std::int64_t> reduced = ascending(x, axes, operand.location());
  if (reduced.empty()) return x;
  const Composite call(operand);
  const Tensor kept = make(code, {x}, Attrs().set(Attr::axes, reduced));
  if (keep_dims) return kept;
  Dims dims;
  for (std::size_t i = 0; i < x.rank(); ++i)
    if (!std::binary_search(reduced.begin(), reduced.end(), std::int64_t(i))) dims.push_back(kept.dims()[i]);
  return make(OpCode::reshape, {kept}, {}, ir::Type{kept.dtype(), dims});
}

// Divides a sum by the number of elements behind each result.
Tensor divide_by_count(Tensor total, const Tensor& x, const Axes& axes) {
  std::int64_t count = 1;
  for (const int axis : axes.values()) {
    const Dim dim = x.dim(axis);
    count *= dim.factor;
    if (!dim.is_number()) total = total / dim_size(Dim(dim.symbol));
  }
  return count == 1 ? total : total * (1.0 / double(count));
}

}  // namespace

Tensor sum(Operand x, const Axes& axes, bool keep_dims) { return reduce(OpCode::reduce_sum, x, axes, keep_dims); }
Tensor sum(Operand x) { return sum(x, all_axes(x)); }
Tensor max(Operand x, const Axes& axes, bool keep_dims) { return reduce(OpCode::reduce_max, x, axes, keep_dims); }
Tensor max(Operand x) { return max(x, all_axes(x)); }
Tensor mean(Operand x) { return mean(x, all_axes(x)); }

Tensor mean(Operand x, const Axes& axes, bool keep_dims) {
  const Composite call(x);
  return divide_by_count(sum(x, axes, keep_dims), as_tensors({x}).front(), axes);
}

Tensor argmax(Operand operand, int axis) {
  const Composite call(operand);
  const Tensor x = as_tensors({operand}).front();
  Dims along(x.rank(), Dim(1));
  const std::size_t index = std::size_t(ascending(x, axis, operand.location()).front());
  along[index] = x.dims()[index];
  // The first largest element has the largest negated index.
  const Tensor negated = -iota(along, int(index), DType::f32);
  const Tensor size = dim_size(along[index]);
  return cast(-max(select(x == max(x, axis, true), negated, -size), axis), DType::i32);
}

// Contractions and windows

namespace {

std::vector<std::int64_t> numbers(const Pair& pair) { return {pair.height, pair.width}; }

// The output_padding that gives one axis of a transposed convolution the size `wanted`.
std::int64_t solve_output_padding(const Tensor& x, const Tensor& w, const ConvTranspose2dOptions& options,
                                  std::size_t axis, const std::source_location& location) {
  const auto of = [&](const Pair& pair) { return axis == 0 ? pair.height : pair.width; };
  const std::int64_t input = ir::number(x.dims()[2 + axis]);
  const std::int64_t kernel = ir::number(w.dims()[2 + axis]);
  const std::int64_t stride = of(options.stride), padding = of(options.padding), dilation = of(options.dilation);
  const std::int64_t least = (input - 1) * stride - 2 * padding + dilation * (kernel - 1) + 1;
  const std::int64_t reach = std::max(stride, dilation);
  const std::int64_t wanted = of(*options.output_size);
  if (wanted >= least && wanted < least + reach) return wanted - least;
  std::vector<std::string> reachable;
  for (std::int64_t size = std::max<std::int64_t>(least, 1); size < least + reach; ++size)
    reachable.push_back(fmt::format("{} (output_padding {})", size, size - least));
  x.recorder()->fail(
      location,
      fmt::format("[conv_transpose2d] output {} {} is out of reach from {}: kernel {}, stride {}, padding {} and "
                  "dilation {} reach {}",
                  axis == 0 ? "height" : "width", wanted, input, kernel, stride, padding, dilation,
                  reachable.empty() ? "nothing" : fmt::format("{}", fmt::join(reachable, ", "))));
}

bool is_image(const Tensor& x) {
  const Dims dims = x.dims();
  return dims.size() == 4 && dims[2].is_number() && dims[3].is_number();
}

}  // namespace

// Weights serve every row of x, so that one product does. Else each matrix of a meets its own of b.
Tensor matmul(Operand a, Operand b) {
  const std::vector<Tensor> both = as_tensors({a, b});
  const Tensor &x = both[0], &y = both[1];
  if (x.rank() < 2 || y.rank() < 2 || (x.rank() == 2 && y.rank() == 2)) return make(OpCode::matmul, {a, b});
  const Composite call(a);
  const Dims x_dims = x.dims(), y_dims = y.dims();
  if (y.rank() == 2) {
    Dims dims = x_dims;
    dims.back() = y_dims.back();
    return reshape(make(OpCode::matmul, {reshape(x, {-1, x_dims.back()}), b}), dims);
  }
  const auto leading = ir::broadcast({x_dims.begin(), x_dims.end() - 2}, {y_dims.begin(), y_dims.end() - 2});
  if (!leading) return make(OpCode::matmul, {a, b});  // the type rule reports it
  const auto expanded = [&](const Tensor& matrices, const Dims& dims) {
    Dims wanted = *leading;
    wanted.insert(wanted.end(), dims.end() - 2, dims.end());
    return wanted == dims ? matrices : broadcast(matrices, wanted);
  };
  return make(OpCode::matmul, {expanded(x, x_dims), expanded(y, y_dims)});
}

Tensor conv2d(Operand x, Operand w, const Conv2dOptions& options) {
  return make(OpCode::conv2d, {x, w},
              Attrs()
                  .set(Attr::stride, numbers(options.stride))
                  .set(Attr::padding, numbers(options.padding))
                  .set(Attr::dilation, numbers(options.dilation))
                  .set(Attr::groups, options.groups));
}

Tensor conv_transpose2d(Operand x, Operand w, const ConvTranspose2dOptions& options) {
  Pair output_padding = options.output_padding;
  const std::vector<Tensor> both = as_tensors({x, w});
  if (options.output_size && is_image(both[0]) && is_image(both[1]))  // the type rule reports other operands
    output_padding = Pair{solve_output_padding(both[0], both[1], options, 0, x.location()),
                          solve_output_padding(both[0], both[1], options, 1, x.location())};
  return make(OpCode::conv_transpose2d, {x, w},
              Attrs()
                  .set(Attr::stride, numbers(options.stride))
                  .set(Attr::padding, numbers(options.padding))
                  .set(Attr::output_padding, numbers(output_padding))
                  .set(Attr::dilation, numbers(options.dilation))
                  .set(Attr::groups, options.groups));
}

namespace {

Attrs window(Pair kernel, const Pool2dOptions& options) {
  return Attrs()
      .set(Attr::kernel, numbers(kernel))
      .set(Attr::stride, numbers(options.stride.value_or(kernel)))
      .set(Attr::padding, numbers(options.padding));
}

}  // namespace

Tensor max_pool2d(Operand x, Pair kernel, const Pool2dOptions& options) {
  return make(OpCode::max_pool2d, {x}, window(kernel, options));
}

Tensor avg_pool2d(Operand x, Pair kernel, const Pool2dOptions& options) {
  return make(OpCode::avg_pool2d, {x}, window(kernel, options));
}

Tensor global_average(Operand x) { return mean(x, {2, 3}); }

Tensor affine_sample(Operand x, Operand theta, std::int64_t height, std::int64_t width) {
  ir::Type type = as_tensors({x}).front().type();
  if (type.rank() == 4) type.dims = {type.dims[0], type.dims[1], height, width};
  return make(OpCode::affine_sample, {x, theta}, {}, type);
}

// Sources

Tensor constant(double value, const Dims& dims, DType dtype, std::source_location location) {
  return Recorder::current(location)->constant(value, {dtype, dims}, location);
}

Tensor constant(const std::vector<double>& values, const Dims& dims, DType dtype, std::source_location location) {
  return Recorder::current(location)->create(OpCode::constant, {}, Attrs().set(Attr::values, values),
                                             ir::Type{dtype, dims}, location);
}

Tensor iota(const Dims& dims, int axis, DType dtype, std::source_location location) {
  const std::int64_t index = axis < 0 ? axis + std::int64_t(dims.size()) : axis;
  return Recorder::current(location)->create(OpCode::iota, {}, Attrs().set(Attr::axis, index), ir::Type{dtype, dims},
                                             location);
}

Tensor dim_size(const Dim& dim, DType dtype, std::source_location location) {
  return Recorder::current(location)->create(OpCode::dim_size, {}, Attrs().set(Attr::dim, Dims{dim}),
                                             ir::Type{dtype, {}}, location);
}

Tensor at_least(const Dim& dim, std::int64_t least, const std::string& what, std::source_location location) {
  return Recorder::current(location)->create(
      OpCode::dim_size, {}, Attrs().set(Attr::dim, Dims{dim}).set(Attr::at_least, least).set(Attr::needed_by, what),
      ir::Type{DType::f32, {}}, location);
}

Tensor random_uniform(const Dims& dims, std::source_location location) {
  return Recorder::current(location)->random(OpCode::random_uniform, dims, location);
}

Tensor random_normal(const Dims& dims, std::source_location location) {
  return Recorder::current(location)->random(OpCode::random_normal, dims, location);
}

}  // namespace weft
