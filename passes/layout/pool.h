// Pooling over windows that tile their image, as reductions of values in the form [N,H/a,a,W/b,b,C]
// (passes/layout/forms.h). Results have the form [N,H/a,1,W/b,1,C].
#pragma once

#include "ir/type.h"
#include "passes/expr.h"

namespace weft::passes {

Expr max_of_windows(Expr x);
Expr mean_of_windows(Expr x);
// Passes dy to the first maximum of each window, or to the first NaN if there is one.
Expr max_of_windows_gradient(Expr x, Expr dy);
Expr mean_of_windows_gradient(Expr dy, const ir::Dims& dims);

}  // namespace weft::passes
