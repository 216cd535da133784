// The passes, each in a file of the same name; passes.def has their contracts, passes/pipeline.h their order.
#pragma once

#include "passes/pass.h"

namespace weft::passes {

#define WEFT_PASS(name, doc) GraphPtr name(const GraphPtr& graph, Context& context);
#include "passes/passes.def"
#undef WEFT_PASS

}  // namespace weft::passes
