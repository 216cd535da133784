// Parts of the type rules that ir/infer and ir/verify.cpp share: common checks, and the rules of contractions, windows
// and movement. Each throws Error (without a location) that states both facts.
#pragma once

#include <string>
#include <vector>

#include "ir/op.h"
#include "ir/type.h"

namespace weft::ir {

// No dim is empty, and the number of elements fits 64 bits for every feasible batch.
void check_size(const Type& type);

using Types = std::vector<Type>;

std::string list(const Types& types);  // "f32[2], f32[3] and i32[]"
inline bool is_arithmetic(DType dtype) { return is_float(dtype) || dtype == DType::i32; }
void need_same_dtype(const Types& x, std::size_t first = 0);  // from operand `first` on
void need_dtype(const Type& written, DType dtype);
void check_bias(const Types& x,
                const Type& result);  // of a contraction: the optional operand 2, one number per channel

// Contractions of matrices. A matmul of narrow floats has their dtype, or f32 if `written` says so.
Type infer_matmul(const Types& x, const Attrs& attrs, const Type& written);
Type infer_similarity_lse(const Types& x);
Type infer_similarity_lse_grad(const Types& x);
void check_similarity_tiles(const Type& x, const Type& written);

// Windows over images [N,C,H,W]; channels, heights and widths are numbers, N may be a symbol.
Type infer_conv2d(const Types& x, const Attrs& attrs);
Type infer_conv_transpose2d(const Types& x, const Attrs& attrs);
Type infer_conv2d_weight_grad(const Types& x, const Attrs& attrs);
Type infer_pool2d(const Type& x, const Attrs& attrs);
Type infer_max_pool2d_grad(const Type& x, const Type& dy, const Attrs& attrs);
void check_avg_pool2d_grad(const Type& dy, const Type& written, const Attrs& attrs);
void check_affine_sample(const Type& x, const Type& theta, const Type& written);

// Movement.
void check_broadcast(const Type& x, const Type& written);
void check_reshape(const Type& x, const Type& written);
Type infer_transpose(const Type& x, const Attrs& attrs);
// Checks that the box of dims `box` at `start` lies within `whole`, as far as symbols can be compared.
void check_box(const Type& whole, const Type& box, const Dims& start);
Type infer_concat(const Types& x, const Attrs& attrs);
Type infer_gather(const Type& table, const Type& indices);
void check_scatter_add(const Type& indices, const Type& rows, const Type& written);
void check_pack(const Types& x, const Attrs& attrs, const Type& written);
void check_view(const Type& x, const Attrs& attrs, const Type& written);

}  // namespace weft::ir
