// One function per op or group of ops: operands and result type in, result out. Operands satisfy the type rules. Only
// functions that round during the computation are templates over the arithmetic (see reference.h); the others compute
// in double.
#pragma once

#include <vector>

#include "backends/reference/tensor.h"
#include "ir/graph.h"

namespace weft::reference {

using Operands = std::vector<const Tensor*>;

// source.cpp
Tensor constant(const ir::Attrs& attrs, const ir::Type& type);
Tensor iota(const ir::Attrs& attrs, const ir::Type& type);
Tensor dim_size(const ir::Attrs& attrs, const ir::Type& type);
template <typename Real>
Tensor random_uniform(const Tensor& rng, const ir::Attrs& attrs, const ir::Type& type);
template <typename Real>
Tensor random_normal(const Tensor& rng, const ir::Attrs& attrs, const ir::Type& type);

// elementwise.cpp
template <typename Real>
Tensor elementwise(ir::OpCode code, const Operands& operands, const ir::Type& type);
Tensor reduce_sum(const Tensor& x, const ir::Type& type);
Tensor reduce_max(const Tensor& x, const ir::Type& type);

// contraction.cpp; adds the bias, if any; the interpreter applies activations
Tensor matmul(const Operands& operands, const ir::Attrs& attrs, const ir::Type& type);
Tensor conv2d(const Operands& operands, const ir::Attrs& attrs, const ir::Type& type);
Tensor conv_transpose2d(const Operands& operands, const ir::Attrs& attrs, const ir::Type& type);
Tensor conv2d_weight_grad(const Tensor& x, const Tensor& dy, const ir::Attrs& attrs, const ir::Type& type);
Tensor similarity_lse(const Operands& operands, const ir::Type& type);
Tensor similarity_lse_grad(const Operands& operands, const ir::Type& type);
Tensor similarity_tiles(const Tensor& x, const ir::Type& type);

// pooling.cpp
Tensor max_pool2d(const Tensor& x, const ir::Attrs& attrs, const ir::Type& type);
Tensor max_pool2d_grad(const Tensor& x, const Tensor& dy, const ir::Attrs& attrs, const ir::Type& type);
Tensor avg_pool2d(const Tensor& x, const ir::Attrs& attrs, const ir::Type& type);
Tensor avg_pool2d_grad(const Tensor& dy, const ir::Attrs& attrs, const ir::Type& type);

// movement.cpp
Tensor broadcast(const Tensor& x, const ir::Type& type);
Tensor reshape(const Tensor& x, const ir::Type& type);
Tensor transpose(const Tensor& x, const ir::Attrs& attrs, const ir::Type& type);
Tensor slice(const Tensor& x, const ir::Attrs& attrs, const ir::Type& type);
Tensor pad(const Tensor& x, const ir::Attrs& attrs, const ir::Type& type);
Tensor concat(const Operands& operands, const ir::Attrs& attrs, const ir::Type& type);
Tensor gather(const Tensor& table, const Tensor& indices, const ir::Type& type);
Tensor scatter_add(const Tensor& indices, const Tensor& rows, const ir::Type& type);
Tensor pack(const Operands& operands, const ir::Attrs& attrs, const ir::Type& type);
Tensor view(const Tensor& x, const ir::Attrs& attrs, const ir::Type& type);

// sampling.cpp
Tensor affine_sample(const Tensor& x, const Tensor& theta, const ir::Type& type);
Tensor affine_sample_grad(const Tensor& theta, const Tensor& dy, const ir::Type& type);

}  // namespace weft::reference
