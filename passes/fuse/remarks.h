// Tells which kernels stayed apart, why, and what would change it.
#pragma once

#include "passes/fuse/search.h"
#include "passes/pass.h"

namespace weft::passes {

// One note for each line of the model and reason, the most bytes first. Says nothing where the user could change
// nothing: where a contraction stands between, or a value is too small to matter.
void note_kernels_apart(const Search& search, Context& context);

}  // namespace weft::passes
