// Losses, metrics and the two formulas of the normal posterior.
#include "frontend/losses.h"

#include <cmath>
#include <vector>

#include "frontend/activations.h"
#include "frontend/ops.h"
#include "frontend/recorder.h"
#include "ir/error.h"

namespace weft {

namespace {

// Check operands other than the first before opening the function's Composite: inside it, errors are reported at the
// location of the first operand.

void need_labels(Operand labels) {
  const Tensor of = as_tensors({labels}).front();
  if (of.rank() != 1)
    of.recorder()->fail(labels.location(), fmt::format("labels must be i32[B], got {}", ir::to_string(of.type())));
}

void need_temperature(Operand temperature, Operand views) {
  if (temperature.tensor() || temperature.number() > 0) return;
  Recorder::of({views})->fail(
      temperature.location(),
      fmt::format("[nt_xent] the temperature must be above 0, got {}; with a small one, such as 0.1, "
                  "the closest pairs dominate",
                  temperature.number()));
}

// Whether column c is the class of each example's label, i32[B] -> bool[B,classes].
Tensor is_label(Operand labels, const Dim& classes) {
  const Tensor of = as_tensors({labels}).front();
  return reshape(of, {of.dims()[0], 1}) == iota({1, classes}, 1);
}

// Logits minus their largest value along the axis, constant for the gradient: a shift changes no softmax.
Tensor shift(Operand logits, int axis) { return logits - stop_gradient(max(logits, axis, true)); }

// Prediction and target must have the same dims: a broadcast between them would hide a mistake.
void need_same_dims(Operand prediction, Operand target, const char* loss) {
  const std::vector<Tensor> both = as_tensors({prediction, target});
  if (prediction.tensor() && target.tensor() && both[0].dims() != both[1].dims())
    both[0].recorder()->fail(prediction.location(),
                             fmt::format("[{}] prediction and target differ: {} and {}", loss,
                                         ir::to_string(both[0].type()), ir::to_string(both[1].type())));
}

}  // namespace

Tensor mean_per_example(Operand terms) {
  const Composite call(terms);
  const Tensor x = as_tensors({terms}).front();
  return x.rank() == 0 ? x : sum(x) / dim_size(x.dims()[0]);  // one sum over everything: one kernel
}

Tensor mse(Operand prediction, Operand target) {
  const Composite call(prediction);
  need_same_dims(prediction, target, "mse");
  return mean_per_example(square(prediction - target));
}

Tensor l1(Operand prediction, Operand target) {
  const Composite call(prediction);
  need_same_dims(prediction, target, "l1");
  return mean_per_example(abs(prediction - target));
}

Tensor bce(Operand probability, Operand target) {
  const Composite call(probability);
  need_same_dims(probability, target, "bce");
  constexpr double kLeast = 1e-38;
  return mean_per_example(
      -(target * log(maximum(probability, kLeast)) + (1 - target) * log(maximum(1 - probability, kLeast))));
}

Tensor bce_with_logits(Operand logits, Operand target) {
  const Composite call(logits);
  need_same_dims(logits, target, "bce_with_logits");
  return mean_per_example(softplus(logits) - logits * target);
}

Tensor log_softmax(Operand logits, int axis) {
  const Composite call(logits);
  const Tensor shifted = shift(logits, axis);
  return shifted - log(sum(exp(shifted), axis, true));
}

Tensor softmax(Operand logits, int axis) {
  const Composite call(logits);
  const Tensor weights = exp(shift(logits, axis));
  return weights / sum(weights, axis, true);
}

Tensor softmax_cross_entropy(Operand logits, Operand labels) {
  need_labels(labels);
  const Composite call(logits);
  const Tensor scores = log_softmax(logits);
  return mean_per_example(select(is_label(labels, scores.dim(-1)), -scores, 0));
}

Tensor accuracy(Operand logits, Operand labels) {
  const Composite call(logits);
  return mean(cast(argmax(logits, -1) == labels, DType::f32));
}

Tensor one_hot(Operand labels, const Dim& classes) {
  need_labels(labels);
  const Composite call(labels);
  return cast(is_label(labels, classes), DType::f32);
}

Tensor kl_normal_terms(Operand mu, Operand logvar) {
  const Composite call(mu);
  // Above the bound, exp continues along its tangent there.
  const Tensor beyond = std::exp(kLargestLogvar) * (logvar - (kLargestLogvar - 1));
  const Tensor variance = select(logvar < kLargestLogvar, exp(minimum(logvar, kLargestLogvar)), beyond);
  return 0.5 * (square(mu) + variance - 1 - logvar);
}

Tensor kl_normal(Operand mu, Operand logvar) {
  const Composite call(mu);
  return mean_per_example(kl_normal_terms(mu, logvar));
}

Tensor l2_normalize(Operand x) {
  const Composite call(x);
  constexpr double kLeastLength = 1e-12;
  return x / maximum(sqrt(sum(square(x), -1, true)), kLeastLength);
}

Tensor cosine_similarity(Operand a, Operand b) {
  const Composite call(a);
  return matmul(l2_normalize(a), transpose(l2_normalize(b)));
}

Tensor log_sum_exp(Operand x, int axis) {
  const Composite call(x);
  const Tensor largest = stop_gradient(max(x, axis, true));
  return largest + log(sum(exp(x - largest), axis, true));
}

Tensor nt_xent(Operand views, Operand temperature) {
  need_temperature(temperature, views);
  const Composite call(views);
  const Tensor v = as_tensors({views}).front();
  if (v.rank() != 2 || v.dims()[0].factor % 2 != 0)
    v.recorder()->fail(views.location(), fmt::format("[nt_xent] takes two views of each image, as rows i and i + N of "
                                                     "[2N,D], got {}",
                                                     ir::to_string(v.type())));
  const Dim rows = v.dims()[0];
  const Tensor z = l2_normalize(v);
  const Tensor s = matmul(z, transpose(z)) / temperature;
  const Tensor i = iota({rows, 1}, 0), j = iota({1, rows}, 1);
  const Tensor others = select(i == j, -1e9, s);
  const Tensor partner = sum(select(2 * abs(i - j) == dim_size(rows, DType::i32), s, 0), 1, true);
  const Tensor count = at_least(rows, 4, "NT-Xent, which compares the views of an image with those of others,");
  return sum(log_sum_exp(others, 1) - partner) / count;
}

Tensor nt_xent(Operand first, Operand second, Operand temperature) {
  need_temperature(temperature, first);
  const Composite call(first);
  const std::vector<Tensor> views = as_tensors({first, second});
  if (views[0].dims() != views[1].dims())
    views[0].recorder()->fail(first.location(),
                              fmt::format("[nt_xent] the two views must have the same dims, got {} and {}",
                                          ir::to_string(views[0].type()), ir::to_string(views[1].type())));
  return nt_xent(concat(views, 0), temperature);
}

Tensor reparameterize(Operand mu, Operand logvar) {
  const Composite call(mu);
  const Tensor deviation = exp(0.5 * minimum(logvar, kLargestLogvar));
  return mu + deviation * random_normal(deviation.dims());
}

}  // namespace weft
