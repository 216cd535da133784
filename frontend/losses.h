// Losses and the measures beside them.
//
// One convention for all: the terms of an example are summed over its dims, and the examples of the batch averaged. A
// loss is a scalar f32[] in nats an image (or squared error an image), so reconstruction and KL can be added as they
// stand; a mean over pixels would hide a weight in the sum.
#pragma once

#include "frontend/tensor.h"

namespace weft {

// Terms [B,..] summed over all dims but the first, averaged over the first -> f32[].
Tensor mean_per_example(Operand terms);

Tensor mse(Operand prediction, Operand target);  // squared error
Tensor l1(Operand prediction, Operand target);   // absolute error

// Bernoulli cross-entropy of targets in [0,1] (grey pixels count as probabilities), from probabilities. A probability
// is kept above 1e-38, so that a certain mistake costs 87 nats in place of infinity.
Tensor bce(Operand probability, Operand target);
// The same from logits, exact for any logit: softplus(l) - l*t. The gradient is sigmoid(l) - t.
Tensor bce_with_logits(Operand logits, Operand target);

// Cross-entropy of logits [B,classes] with labels i32[B].
Tensor softmax_cross_entropy(Operand logits, Operand labels);
Tensor log_softmax(Operand logits, int axis = -1);
Tensor softmax(Operand logits, int axis = -1);
// Share of the examples whose largest logit is the label's; of equal logits the first counts. No gradient.
Tensor accuracy(Operand logits, Operand labels);
// Labels i32[B] as f32[B,classes]: 1 at the label.
Tensor one_hot(Operand labels, const Dim& classes);

// KL divergence of N(mu, e^logvar) from N(0, 1): sum of .5 (mu^2 + e^logvar - 1 - logvar), mu and logvar [B,latent].
Tensor kl_normal(Operand mu, Operand logvar);
// The same before the sum, [B,latent].
Tensor kl_normal_terms(Operand mu, Operand logvar);

// Rows x [N,D] divided by their lengths; a row of zeros stays one, with a finite gradient.
Tensor l2_normalize(Operand x);
// Cosine of the angle between each row of a [N,D] and each of b [M,D] -> [N,M].
Tensor cosine_similarity(Operand a, Operand b);
// log of the sum of exponentials along an axis, which stays with size 1.
Tensor log_sum_exp(Operand x, int axis = -1);

// The contrastive loss of SimCLR (Chen et al. 2020): normalised temperature-scaled cross-entropy. Rows i and i + N of
// views [2N,D] show one picture; each row must tell its partner from the 2N - 2 others by their cosines, divided by
// the temperature > 0. Written over the matrix of all similarities; the pass `contrastive` does without it.
Tensor nt_xent(Operand views, Operand temperature);
Tensor nt_xent(Operand first, Operand second, Operand temperature);  // the views as two [N,D]

// A sample of N(mu, e^logvar) that gradients pass through: mu + e^(logvar/2) * epsilon (Kingma & Welling 2014).
Tensor reparameterize(Operand mu, Operand logvar);

// Above this a logvar counts in kl_normal and reparameterize as bounded: e^logvar goes on along its tangent, the
// standard deviation stays. Both stay finite, with finite gradients that lead back; below, the formulas are exact.
inline constexpr double kLargestLogvar = 20;

}  // namespace weft
