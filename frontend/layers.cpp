// Layers.
#include "frontend/layers.h"

#include <algorithm>
#include <utility>

#include "frontend/entry.h"
#include "frontend/recorder.h"
#include "ir/error.h"

namespace weft {

namespace {

Tensor weight_of(const std::string& layer, const Dims& dims, Fan fan, const Weights& weights) {
  return parameter(layer + ".weight", dims, weights.initialiser(fan));
}

// y plus the layer's bias; `dims` lines the bias up with y.
Tensor add_bias(const Tensor& y, const std::string& layer, std::int64_t channels, const Dims& dims, Fan fan,
                const Weights& weights) {
  if (!weights.bias) return y.named(layer);
  const Tensor bias = parameter(layer + ".bias", {channels}, weights.bias_initialiser(fan));
  return (y + (dims.size() == 1 ? bias : reshape(bias, dims))).named(layer);
}

Fan conv_fan(std::int64_t in, std::int64_t out, std::int64_t groups, const Pair& kernel) {
  const std::int64_t area = kernel.height * kernel.width;
  return {in / groups * area, out * area};
}

}  // namespace

// Linear

Linear::Linear(std::string name, std::int64_t in, std::int64_t out, Weights weights)
    : name_(std::move(name)), in_(in), out_(out), weights_(std::move(weights)) {}

Tensor Linear::operator()(Operand x) const {
  const Composite call(x, name_);
  const Fan fan{in_, out_};
  return add_bias(matmul(x, weight_of(name_, {in_, out_}, fan, weights_)), name_, out_, {out_}, fan, weights_);
}

// Convolutions

Conv2d::Conv2d(std::string name, std::int64_t in, std::int64_t out, Pair kernel, Conv2dOptions options, Weights weights)
    : name_(std::move(name)), in_(in), out_(out), kernel_(kernel), options_(options), weights_(std::move(weights)) {}

Tensor Conv2d::operator()(Operand x) const {
  const Composite call(x, name_);
  const Fan fan = conv_fan(in_, out_, options_.groups, kernel_);
  const Tensor w = weight_of(name_, {out_, in_ / options_.groups, kernel_.height, kernel_.width}, fan, weights_);
  return add_bias(conv2d(x, w, options_), name_, out_, {out_, 1, 1}, fan, weights_);
}

ConvTranspose2d::ConvTranspose2d(std::string name, std::int64_t in, std::int64_t out, Pair kernel,
                                 ConvTranspose2dOptions options, Weights weights)
    : name_(std::move(name)), in_(in), out_(out), kernel_(kernel), options_(options), weights_(std::move(weights)) {}

Tensor ConvTranspose2d::operator()(Operand x) const {
  const Composite call(x, name_);
  const Fan fan = conv_fan(out_, in_, options_.groups, kernel_);
  const Tensor w = weight_of(name_, {in_, out_ / options_.groups, kernel_.height, kernel_.width}, fan, weights_);
  return add_bias(conv_transpose2d(x, w, options_), name_, out_, {out_, 1, 1}, fan, weights_);
}

// BatchNorm

namespace {

struct Moments {
  Tensor mean, variance;
};

// The number of elements behind each channel's statistics, as a scalar. With only one element the deviation would be 0.
Tensor elements_per_channel(const Tensor& x) {
  const Dims dims = x.dims();
  const bool one_a_row = std::all_of(dims.begin() + 2, dims.end(), [](const Dim& dim) { return dim == Dim(1); });
  Tensor count = one_a_row ? at_least(dims[0], 2, "batch normalisation in training") : dim_size(dims[0]);
  for (std::size_t i = 2; i < dims.size(); ++i) count = count * dim_size(dims[i]);
  return count;
}

// Means and variances over all dims but the channels, which keep their position: [1,channels] or [1,channels,1,1]. One
// pass over the data sums x - c and its square, with c the first element of each channel. Near the data, the difference
// of the two keeps its digits even if the mean is far larger than the deviation, and constant data has variance 0.
Moments batch_moments(const Tensor& x) {
  const Axes axes = x.rank() == 2 ? Axes(0) : Axes({0, 2, 3});
  Tensor near = stop_gradient(x);
  for (int axis = 0; axis < int(x.rank()); ++axis)
    if (axis != 1) near = slice(near, axis, 0, 1);
  const Tensor offset = mean(x - near, axes, true);
  return {near + offset, maximum(mean(square(x - near), axes, true) - square(offset), 0)};
}

// Running statistics, [channels].
Moments running_moments(const std::string& layer, std::int64_t channels) {
  return {state(layer + ".running_mean", {channels}, zeros()), state(layer + ".running_var", {channels}, ones())};
}

// Moves the running values of `layer` by `momentum` towards those of the batch, which has n elements per channel.
void update_running(const std::string& layer, const Moments& running, const Moments& batch, const Tensor& n,
                    double momentum) {
  const Tensor unbiased = batch.variance * (n / maximum(n - 1, 1));
  const auto move = [&](const std::string& name, const Tensor& from, const Tensor& to) {
    set_state(layer + name, (1 - momentum) * from + momentum * reshape(to, from.dims()));
  };
  move(".running_mean", running.mean, batch.mean);
  move(".running_var", running.variance, unbiased);
}

}  // namespace

BatchNorm::BatchNorm(std::string name, std::int64_t channels, BatchNormOptions options)
    : name_(std::move(name)), channels_(channels), options_(options) {}

Tensor BatchNorm::operator()(Operand operand) const {
  const Composite call(operand, name_);
  const Tensor x = as_tensors({operand}).front();
  if ((x.rank() != 2 && x.rank() != 4) || x.dims()[1] != Dim(channels_))
    x.recorder()->fail(operand.location(), fmt::format("[{}] normalises [B,{}] or [B,{},H,W], got {}", name_, channels_,
                                                       channels_, ir::to_string(x.type())));
  const auto aligned = [&](const Tensor& each) {
    return reshape(each, x.rank() == 2 ? Dims{1, channels_} : Dims{1, channels_, 1, 1});
  };
  const Tensor weight = aligned(parameter(name_ + ".weight", {channels_}, ones()));
  const Tensor bias = aligned(parameter(name_ + ".bias", {channels_}, zeros()));
  const auto scale = [&](const Moments& moments) { return rsqrt(moments.variance + options_.epsilon) * weight; };

  const Moments running = running_moments(name_, channels_);
  if (x.recorder()->mode() == Mode::eval) {
    const Moments moments{aligned(running.mean), aligned(running.variance)};
    const Tensor factor = scale(moments);  // one multiplication and addition per element
    return (x * factor + (bias - moments.mean * factor)).named(name_);
  }
  const Moments batch = batch_moments(x);
  update_running(name_, running, batch, elements_per_channel(x), options_.momentum);
  return ((x - batch.mean) * scale(batch) + bias).named(name_);
}

// Noise

Dropout::Dropout(double rate, std::source_location location) : rate_(rate) {
  if (!(rate >= 0 && rate < 1))
    fail("{}: the rate of dropout must be at least 0 and less than 1, got {}", to_string(location), rate);
}

Tensor Dropout::operator()(Operand operand) const {
  const Composite call(operand);
  const Tensor x = as_tensors({operand}).front();
  if (x.recorder()->mode() == Mode::eval || rate_ == 0) return x;
  return select(random_uniform(x.dims()) < rate_, 0, x * (1 / (1 - rate_)));
}

Tensor GaussianNoise::operator()(Operand operand) const {
  const Composite call(operand);
  const Tensor x = as_tensors({operand}).front();
  if (x.recorder()->mode() == Mode::eval || deviation_ == 0) return x;
  return x + deviation_ * random_normal(x.dims());
}

// Mlp

Mlp::Mlp(const std::string& name, std::int64_t in, const std::vector<std::int64_t>& sizes, Activation activation,
         const Weights& weights)
    : name_(name), out_(in), activation_(std::move(activation)) {
  for (const std::int64_t size : sizes) {
    layers_.emplace_back(fmt::format("{}.fc{}", name, layers_.size() + 1), out_, size, weights);
    out_ = size;
  }
}

std::vector<Tensor> Mlp::blocks(Operand operand) const {
  const Composite call(operand, name_);
  const Tensor x = as_tensors({operand}).front();
  std::vector<Tensor> blocks;
  for (const Linear& layer : layers_) blocks.push_back(activation_(layer(blocks.empty() ? x : blocks.back())));
  return blocks;
}

Tensor Mlp::operator()(Operand operand) const {
  const std::vector<Tensor> all = blocks(operand);
  return all.empty() ? as_tensors({operand}).front() : all.back();
}

}  // namespace weft
