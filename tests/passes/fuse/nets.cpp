// The nets, as a user writes them.
#include "tests/passes/fuse/nets.h"

#include <cmath>

#include "frontend/weft.h"

namespace weft::test {

namespace {

constexpr std::int64_t kPixels = 784;

// Each row to mean 0 and variance 1, then scaled and moved.
Tensor layer_norm(const std::string& name, const Tensor& x) {
  const Tensor centred = x - mean(x, -1, true);
  const Tensor deviation = sqrt(mean(square(centred), -1, true) + 1e-5);
  return centred / deviation * parameter(name + ".scale", {x.dim(-1)}, ones()) +
         parameter(name + ".shift", {x.dim(-1)}, zeros());
}

// The squares of the elements of the covariance matrix off its diagonal, summed and divided by their number of rows.
Tensor covariance_term(const Tensor& centred) {
  const Dim width = centred.dim(-1);
  const Tensor covariance = matmul(transpose(centred), centred) / (dim_size(B) - 1);
  const Tensor kept = cast(iota({width, width}, 0) != iota({width, width}, 1), DType::f32);
  return sum(square(covariance * kept)) / double(width.factor);
}

Tensor variance_term(const Tensor& centred) {
  return mean(relu(1 - sqrt(sum(square(centred), 0) / (dim_size(B) - 1) + 1e-4)));
}

// The module with the entry `loss` over images [B,784].
template <typename Loss>
ir::Module module_of(const std::string& name, const Loss& loss) {
  ir::Module module{name, {}};
  {
    Entry entry(module, "loss", Mode::train);
    entry.output("loss", loss(entry.input("x", {B, kPixels})));
  }
  return module;
}

}  // namespace

ir::Module make_layer_norm_autoencoder() {
  return module_of("layer_norm_autoencoder", [](const Tensor& x) {
    const Tensor hidden = relu(layer_norm("norm1", Linear("fc1", kPixels, 256)(x)));
    const Tensor code = Linear("code", 256, 32)(hidden);
    const Tensor wide = relu(layer_norm("norm2", Linear("fc2", 32, 256)(code)));
    return mse(sigmoid(Linear("fc3", 256, kPixels)(wide)), x);
  });
}

ir::Module make_vicreg() {
  return module_of("vicreg", [](const Tensor& x) {
    const Mlp encoder("encoder", kPixels, {256}, activation("relu"));
    const Linear project("project", 256, 64);
    const Tensor a = project(encoder(gaussian_noise(x, 0.3))), b = project(encoder(gaussian_noise(x, 0.3)));
    Tensor loss = 25.0 * mean(square(a - b));
    for (const Tensor& view : {a, b}) {
      const Tensor centred = view - mean(view, 0, true);
      loss = loss + 25.0 * variance_term(centred) + covariance_term(centred);
    }
    return loss;
  });
}

ir::Module make_attention() {
  return module_of("attention", [](const Tensor& x) {
    constexpr std::int64_t kWidth = 64;
    const Tensor h = Linear("embed", kPixels, kWidth)(x), normed = layer_norm("norm1", h);
    const Tensor query = Linear("query", kWidth, kWidth)(normed), key = Linear("key", kWidth, kWidth)(normed);
    const Tensor value = Linear("value", kWidth, kWidth)(normed);
    const Tensor weights = softmax(matmul(query, transpose(key)) / std::sqrt(double(kWidth)));
    const Tensor attended = h + Linear("out", kWidth, kWidth)(matmul(weights, value));
    const Tensor inner = gelu(Linear("fc1", kWidth, 4 * kWidth)(layer_norm("norm2", attended)));
    const Tensor y = attended + Linear("fc2", 4 * kWidth, kWidth)(inner);
    return mse(Linear("pixels", kWidth, kPixels)(y), x);
  });
}

}  // namespace weft::test
