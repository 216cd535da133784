// The entries that expose an encoder, the same for every model with one.
#pragma once

#include "ir/graph.h"
#include "models/parts/encoder.h"

namespace weft::models {

// Adds encode (the representation) and features (block1, block2, ...), as frontend/model.h says.
void add_features(ir::Module& module, const Encoder& encoder);

}  // namespace weft::models
