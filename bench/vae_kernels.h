// The fused bodies of a VAE's training step, for bench/kernels.cpp and tests/backends/cpu/jit_test.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "ir/builder.h"

namespace weft::bench {

struct VaeKernel {
  std::string name;
  ir::Graph body;
  std::vector<std::pair<int, int>> in_place;  // output, input
};

class VaeKernels {
 public:
  explicit VaeKernels(std::int64_t batch, std::int64_t pixels = 784, std::int64_t hidden = 400,
                      std::int64_t latent = 20, std::int64_t parameters = 652824)
      : batch_(batch), pixels_(pixels), hidden_(hidden), latent_(latent), parameters_(parameters) {}

  std::vector<VaeKernel> all() const { return {input(), reparameterize(), bce(), relu_backward(), adam(), softmax()}; }

  // x = cast(gather(u8 data, indices)) / 255
  VaeKernel input() const {
    Made b("input");
    const auto data = b.input("data", {ir::DType::u8, {1000, pixels_}}),
               indices = b.input("indices", ir::i32({batch_}));
    const auto rows = b.create(ir::OpCode::gather, {data, indices});
    const auto x = b.create(ir::OpCode::cast, {rows}, {}, ir::f32({batch_, pixels_}));
    b.output("x", b.create(ir::OpCode::div, {x, b.constant(255)}));
    return {"input", b.take(), {}};
  }

  // z = mu + exp(logvar/2) * normal; kl = -1/2 sum(1 + logvar - mu^2 - exp(logvar))
  VaeKernel reparameterize() const {
    Made b("reparameterize");
    const auto rng = b.input("rng", ir::i32({4}), ir::Role::rng);
    const auto mu = b.input("mu", ir::f32({batch_, latent_})), logvar = b.input("logvar", ir::f32({batch_, latent_}));
    const auto noise = b.create(ir::OpCode::random_normal, {rng}, ir::Attrs().set(ir::Attr::stream, std::int64_t{1}),
                                ir::f32({batch_, latent_}));
    const auto deviation = b.exp(b.mul(logvar, b.constant(0.5)));
    b.output("z", b.add(mu, b.mul(deviation, noise)));
    const auto terms = b.sub(b.sub(b.add(b.mul(mu, mu), b.exp(logvar)), b.constant(1)), logvar);
    b.output("kl", b.mul(b.sum(terms, {0, 1}), b.constant(0.5 / double(batch_))));
    return {"reparameterize", b.take(), {}};
  }

  // dlogits in place, its column sums (the bias gradient) and the loss
  VaeKernel bce() const {
    Made b("bce");
    const auto logits = b.input("logits", ir::f32({batch_, pixels_})), x = b.input("x", ir::f32({batch_, pixels_}));
    const auto loss = b.sub(b.create(ir::OpCode::softplus, {logits}), b.mul(logits, x));
    const auto gradient = b.mul(b.sub(b.create(ir::OpCode::sigmoid, {logits}), x), b.constant(1.0 / double(batch_)));
    b.output("dlogits", gradient);
    b.output("dbias", b.sum(gradient, {0}));
    b.output("loss", b.mul(b.sum(loss, {0, 1}), b.constant(1.0 / double(batch_))));
    return {"bce", b.take(), {{0, 0}}};
  }

  // dh * (h > 0) in place, and its column sums
  VaeKernel relu_backward() const {
    Made b("relu_backward");
    const auto dh = b.input("dh", ir::f32({batch_, hidden_})), h = b.input("h", ir::f32({batch_, hidden_}));
    const auto masked = b.create(ir::OpCode::select, {b.create(ir::OpCode::gt, {h, b.constant(0)}), dh, b.constant(0)});
    b.output("dx", masked);
    b.output("dbias", b.sum(masked, {0}));
    return {"relu_backward", b.take(), {{0, 0}}};
  }

  // Parameters and moments in place
  VaeKernel adam() const {
    Made b("adam");
    const ir::Type flat = ir::f32({parameters_});
    const auto p = b.input("params", flat), m = b.input("m", flat), v = b.input("v", flat), g = b.input("grad", flat);
    const auto step = b.input("step", ir::f32({1})), rate = b.input("lr", ir::f32({}), ir::Role::hyper);
    const auto new_m = b.add(b.mul(m, b.constant(0.9)), b.mul(g, b.constant(0.1)));
    const auto new_v = b.add(b.mul(v, b.constant(0.999)), b.mul(b.mul(g, g), b.constant(0.001)));
    const auto corrected = [&](double beta) {
      return b.sub(b.constant(1), b.create(ir::OpCode::pow, {b.constant(beta, ir::f32({1})), step}));
    };
    const auto scaled = b.mul(b.create(ir::OpCode::sqrt, {new_v}), b.create(ir::OpCode::rsqrt, {corrected(0.999)}));
    const auto change = b.div(b.mul(b.div(rate, corrected(0.9)), new_m), b.add(scaled, b.constant(1e-8)));
    b.output("params", b.sub(p, change));
    b.output("m", new_m);
    b.output("v", new_v);
    return {"adam", b.take(), {{0, 0}, {1, 1}, {2, 2}}};
  }

  // softmax over each row
  VaeKernel softmax() const {
    Made b("softmax");
    const auto x = b.input("x", ir::f32({batch_, pixels_}));
    const auto top =
        b.create(ir::OpCode::reduce_max, {x}, ir::Attrs().set(ir::Attr::axes, std::vector<std::int64_t>{1}));
    const auto e = b.exp(b.sub(x, top));
    b.output("y", b.div(e, b.sum(e, {1})));
    return {"softmax", b.take(), {}};
  }

 private:
  // The builder with methods for the ops of these bodies.
  class Made : public ir::Builder {
   public:
    using ir::Builder::Builder;
    ir::ValueId exp(ir::ValueId a) { return create(ir::OpCode::exp, {a}); }
    ir::ValueId neg(ir::ValueId a) { return create(ir::OpCode::neg, {a}); }
    ir::ValueId add(ir::ValueId a, ir::ValueId b) { return create(ir::OpCode::add, {a, b}); }
    ir::ValueId sub(ir::ValueId a, ir::ValueId b) { return create(ir::OpCode::sub, {a, b}); }
    ir::ValueId mul(ir::ValueId a, ir::ValueId b) { return create(ir::OpCode::mul, {a, b}); }
    ir::ValueId div(ir::ValueId a, ir::ValueId b) { return create(ir::OpCode::div, {a, b}); }
    ir::ValueId sum(ir::ValueId a, std::vector<std::int64_t> axes) {
      return create(ir::OpCode::reduce_sum, {a}, ir::Attrs().set(ir::Attr::axes, std::move(axes)));
    }
  };

  std::int64_t batch_, pixels_, hidden_, latent_, parameters_;
};

}  // namespace weft::bench
