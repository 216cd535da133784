// Models whose fusion is counted beside the zoo's: written in the DSL, as a user writes them.
#pragma once

#include "ir/graph.h"

namespace weft::test {

ir::Module make_layer_norm_autoencoder();
// Variance, invariance and covariance of two views (Bardes et al. 2022).
ir::Module make_vicreg();
// One block of a transformer over a set: each row of the batch attends to all rows.
ir::Module make_attention();

}  // namespace weft::test
