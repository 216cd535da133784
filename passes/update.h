// The optimizer of a training step, as graph ops over state.
#pragma once

#include "passes/pass.h"

namespace weft::passes {

struct OptimizerSpec {
  enum class Kind { sgd, momentum, nesterov, adam, adamw, lars };
  Kind kind = Kind::adam;
  double learning_rate = 1e-3;  // default of the hyper input `lr`
  double momentum = 0.9;
  double beta1 = 0.9, beta2 = 0.999,
         epsilon = 1e-8;    // Kingma & Ba 2015; epsilon outside the root, after bias correction
  double weight_decay = 0;  // added to the gradient (L2), but decoupled for adamw (Loshchilov & Hutter 2019)
  // Whether weight decay applies to one-dimensional params (biases and norm scales); with lars it never does.
  bool decay_vectors = true;
  double clip_norm = 0;  // if > 0: limits the global L2 norm of the gradients
  double trust = 1e-3;   // lars: update norm relative to the param norm at learning rate 1 (You et al. 2017)
};

// Consumes the outputs `grad.*`. All params become views of one flat input `params` f32[P] (slots are 64-byte aligned),
// all gradients one `pack`, all moments flat state inputs (`adam.m`, ..); the new values are outputs that donate them.
// The step count comes from words 2 and 3 of the rng input (added as `rng` if absent), starting at 0.
GraphPtr update(const GraphPtr& graph, const OptimizerSpec& spec, Context& context);

}  // namespace weft::passes
