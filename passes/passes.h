// The passes, each in a file of its own name. passes/pipeline.h knows their order.
#pragma once

#include "passes/pass.h"

namespace weft::passes {

// What overflows or loses digits as written becomes its stable form; each rewrite is a note with the user's line.
GraphPtr stabilise(const GraphPtr& graph, Context& context);

// Reverse mode. Adds to a graph with the scalar output `loss` one output `grad.NAME` for each param input NAME that
// `loss` depends on (zeros where it does not). Uses sums of broadcast results, never a generic loop for a contraction.
GraphPtr differentiate(const GraphPtr& graph, Context& context);

// The optimizer of a training step; see OptimizerSpec.
struct OptimizerSpec {
  enum class Kind { sgd, momentum, nesterov, adam, adamw };
  Kind kind = Kind::adam;
  double learning_rate = 1e-3;  // the default of the hyper input `lr`
  double momentum = 0.9;
  double beta1 = 0.9, beta2 = 0.999,
         epsilon = 1e-8;    // Kingma & Ba 2015; epsilon outside the root, after bias correction
  double weight_decay = 0;  // added to the gradient (L2), but decoupled for adamw (Loshchilov & Hutter 2019)
  double clip_norm = 0;     // > 0: gradients scaled down to this global L2 norm
};

// Consumes the outputs `grad.*`. All params become views of one flat input `params` f32[P] (slots: 64-byte aligned),
// all gradients one `pack`, all moments flat state inputs (`adam.m`, ..); the new values are outputs that donate them.
// The step count comes from the rng input (added if absent, named `rng`): words 2 and 3, counted from 0.
GraphPtr update(const GraphPtr& graph, const OptimizerSpec& spec, Context& context);

// Algebra: x*1, x+0, broadcasts and reshapes that do nothing, transposes into matmul, sums of broadcasts and concats...
GraphPtr simplify(const GraphPtr& graph, Context& context);
// Ops of constants become constants (small results only); dim_size becomes a constant once bound.
GraphPtr fold(const GraphPtr& graph, Context& context);
// Equal pure ops become one.
GraphPtr cse(const GraphPtr& graph, Context& context);
// Ops and data inputs... nothing needs are dropped; inputs stay.
GraphPtr dce(const GraphPtr& graph, Context& context);
// Bias and activation go into the contraction before them.
GraphPtr epilogue(const GraphPtr& graph, Context& context);
// Elementwise, broadcast, random, gather and reduce ops become `fused` ops; see passes/fuse.cpp for the rules.
GraphPtr fuse(const GraphPtr& graph, Context& context);
// Copies where a value can not be read or written in place; `plan` (passes/plan.h) needs it. Dims are numbers.
GraphPtr insert_copies(const GraphPtr& graph, Context& context);

}  // namespace weft::passes
