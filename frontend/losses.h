// Losses and metrics.
//
// Convention: terms are summed over the dims of an example and averaged over the batch. A loss is a scalar f32[] in
// nats per image (or squared error per image), so reconstruction and KL add up without extra weights; a mean over
// pixels would hide a weight in the sum.
#pragma once

#include "frontend/tensor.h"

namespace weft {

// Sums terms [B,..] over all dims but the first and averages over the first -> f32[].
Tensor mean_per_example(Operand terms);

Tensor mse(Operand prediction, Operand target);  // squared error
Tensor l1(Operand prediction, Operand target);   // absolute error

// Bernoulli cross-entropy of targets in [0,1] (grey pixels count as probabilities), from probabilities. Probabilities
// are clamped to at least 1e-38, so that a certain mistake costs 87 nats and not infinity.
Tensor bce(Operand probability, Operand target);
// The same from logits, exact for any logit: softplus(l) - l*t. The gradient is sigmoid(l) - t.
Tensor bce_with_logits(Operand logits, Operand target);

// Cross-entropy of logits [B,classes] with labels i32[B].
Tensor softmax_cross_entropy(Operand logits, Operand labels);
Tensor log_softmax(Operand logits, int axis = -1);
Tensor softmax(Operand logits, int axis = -1);
// Share of examples whose largest logit is the label's; the first of equal logits counts. No gradient.
Tensor accuracy(Operand logits, Operand labels);
// One-hot labels, i32[B] -> f32[B,classes].
Tensor one_hot(Operand labels, const Dim& classes);

// KL divergence of N(mu, e^logvar) from N(0, 1): sum of .5 (mu^2 + e^logvar - 1 - logvar), mu and logvar [B,latent].
Tensor kl_normal(Operand mu, Operand logvar);
// The same before the sum, [B,latent].
Tensor kl_normal_terms(Operand mu, Operand logvar);

// Divides each row of x [N,D] by its length; a row of zeros stays zero and has a finite gradient.
Tensor l2_normalize(Operand x);
// Cosine of the angle between each row of a [N,D] and each of b [M,D] -> [N,M].
Tensor cosine_similarity(Operand a, Operand b);
// Log of the sum of exponentials along an axis, which keeps size 1.
Tensor log_sum_exp(Operand x, int axis = -1);

// The contrastive loss of SimCLR (Chen et al. 2020): normalised temperature-scaled cross-entropy. Rows i and i + N of
// views [2N,D] show one image; each row must identify its partner among the 2N - 1 others by their cosines, divided by
// the temperature > 0. Written over the matrix of all similarities, which the pass `contrastive` avoids.
Tensor nt_xent(Operand views, Operand temperature);
Tensor nt_xent(Operand first, Operand second, Operand temperature);  // the views as two [N,D]

// A differentiable sample of N(mu, e^logvar): mu + e^(logvar/2) * epsilon (Kingma & Welling 2014).
Tensor reparameterize(Operand mu, Operand logvar);

// Bound on logvar in kl_normal and reparameterize: above it, e^logvar continues along its tangent and the standard
// deviation stays constant. Both remain finite, with finite gradients that lead back; below it, the formulas are exact.
inline constexpr double kLargestLogvar = 20;

}  // namespace weft
