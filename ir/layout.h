// Image layouts: which operands of an op its attribute `layout` describes, and images under either order of dims.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ir/op.h"

namespace weft::ir {

// Permutations for `transpose`: from [N,C,H,W] to [N,H,W,C] and back.
inline const std::vector<std::int64_t> kNchwToNhwc = {0, 2, 3, 1};
inline const std::vector<std::int64_t> kNhwcToNchw = {0, 3, 1, 2};

inline bool has_layout(OpCode code) { return contains(info(code).attributes, Attr::layout); }
inline bool is_nhwc(const Attrs& attrs) { return attrs.text(Attr::layout) == "nhwc"; }

// For an op with a layout: whether an operand is an image rather than weights or a bias; whether the result is an
// image.
inline bool is_image_operand(OpCode code, std::size_t operand) {
  return operand == 0 || (operand == 1 && code != OpCode::conv2d && code != OpCode::conv_transpose2d);
}
inline bool makes_image(OpCode code) { return code != OpCode::conv2d_weight_grad; }

// The type with its four dims in the other order; types of other rank are returned as they are, for the type rules to
// refuse.
inline Type permute_image(const Type& type, const std::vector<std::int64_t>& perm) {
  if (type.rank() != perm.size()) return type;
  Type result{type.dtype, {}};
  for (const std::int64_t dim : perm) result.dims.push_back(type.dims[std::size_t(dim)]);
  return result;
}
inline Type to_nchw(const Type& nhwc) { return permute_image(nhwc, kNhwcToNchw); }
inline Type to_nhwc(const Type& nchw) { return permute_image(nchw, kNchwToNhwc); }

}  // namespace weft::ir
