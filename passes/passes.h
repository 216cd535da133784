// The passes, each in a file of its own name. passes/pipeline.h knows their order.
#pragma once

#include "passes/pass.h"

namespace weft::passes {

// What overflows or loses digits as written becomes its stable form; each rewrite is a note with the user's line.
GraphPtr stabilise(const GraphPtr& graph, Context& context);

// The logarithm of each row's sum of exponentials over the similarities of all pairs of rows, its diagonal masked, and
// what partners have, as NT-Xent has them: the matrix is no longer stored. Before `differentiate`, for the ops have
// gradients of their own; after `stabilise`. Notes what it found, or why it could not do without the matrix.
GraphPtr contrastive(const GraphPtr& graph, Context& context);

// Reverse mode. Adds to a graph with the scalar output `loss` one output `grad.NAME` for each param input NAME that
// `loss` depends on (zeros where it does not). Uses sums of broadcast results, never a generic loop for a contraction.
GraphPtr differentiate(const GraphPtr& graph, Context& context);

// The optimizer of a training step; see OptimizerSpec.
struct OptimizerSpec {
  enum class Kind { sgd, momentum, nesterov, adam, adamw, lars };
  Kind kind = Kind::adam;
  double learning_rate = 1e-3;  // the default of the hyper input `lr`
  double momentum = 0.9;
  double beta1 = 0.9, beta2 = 0.999,
         epsilon = 1e-8;    // Kingma & Ba 2015; epsilon outside the root, after bias correction
  double weight_decay = 0;  // added to the gradient (L2), but decoupled for adamw (Loshchilov & Hutter 2019)
  // Whether weight decay holds for one-dimensional params too: biases and the scales of norms. With lars it never does.
  bool decay_vectors = true;
  double clip_norm = 0;  // > 0: gradients scaled down to this global L2 norm
  double trust = 1e-3;  // lars: how far a param moves at a learning rate of 1, as a share of its norm (You et al. 2017)
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
// The products of all pairs of rows are kept from a loss for its gradient where the target wants it; after `cse`.
GraphPtr similarities(const GraphPtr& graph, Context& context);
// The operands of products and convolutions are rounded to bf16; before `epilogue`, which may then have to leave a bias
// out of a convolution. Changes numbers: only where the user asked for it.
GraphPtr bf16(const GraphPtr& graph, Context& context);
// Bias and activation go into the contraction before them.
GraphPtr epilogue(const GraphPtr& graph, Context& context);
// Images become [N,H,W,C] around convolutions and pooling; pooling over tiles becomes reductions. See
// passes/layout.cpp.
GraphPtr layout(const GraphPtr& graph, Context& context);
// Elementwise, broadcast, random, gather and reduce ops become `fused` ops; see passes/fuse.cpp for the rules.
GraphPtr fuse(const GraphPtr& graph, Context& context);
// Inputs and slots that hold kernels of convolutions get the layout in memory that the target wants; after `fuse`.
GraphPtr weight_layout(const GraphPtr& graph, Context& context);
// Copies where a value can not be read or written in place; `plan` (passes/plan.h) needs it. Dims are numbers.
GraphPtr insert_copies(const GraphPtr& graph, Context& context);

}  // namespace weft::passes
