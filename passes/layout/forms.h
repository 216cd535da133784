// How images lie while `layout` rewrites a graph, and which value lies how.
//
// A value of four dims [N,C,H,W] in one of two forms: [N,H,W,C], or, where windows that do not overlap are pooled,
// [N,H/a,a,W/b,b,C] with a x b the window, so that pooling is a reduction over two dims of it. Both are the same
// memory. Values that elementwise ops, broadcasts and reductions connect take one form, or the ops could not be one
// kernel.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "ir/graph.h"
#include "passes/expr.h"

namespace weft::passes {

struct Form {
  bool is_split = false;
  std::int64_t height = 1, width = 1;  // of the window, where split
  bool operator==(const Form&) const = default;
};

// `nchw` dims, axes of a reduction and starts (of a slice, a pad) under a form. A start of 0, or of one element.
ir::Dims dims_in(const Form& form, const ir::Dims& nchw);
std::vector<std::int64_t> axes_in(const Form& form, const std::vector<std::int64_t>& axes);
ir::Dims start_in(const Form& form, const ir::Dims& start);

// Between forms: reshapes, and transposes where elements change their order.
Expr nhwc_of_nchw(Expr nchw);
Expr nchw_of_nhwc(Expr nhwc);
Expr nhwc_of(Expr formed, const Form& form);
Expr formed_of(Expr nhwc, const Form& form);

// The window of a pooling op whose windows tile its input exactly (no overlap, no padding, no rest), else nothing.
std::optional<Form> tiling_window(const ir::Graph& graph, const ir::Op& op);

// A convolution or pooling of images [N,C,H,W]: what `layout` is about. One in nhwc already is left alone.
bool is_nchw_op(const ir::Op& op);

// Ops that compute the same thing under any order of dims, once their attributes follow.
bool keeps_any_form(const ir::Graph& graph, const ir::Op& op);

class Forms {
 public:
  explicit Forms(const ir::Graph& graph);
  // The form of a value made by an image op or by one that keeps any form and is connected to one; else nothing: it
  // stays as it is.
  std::optional<Form> of(ir::ValueId value) const;

 private:
  ir::ValueId root(ir::ValueId value) const;
  void join(ir::ValueId a, ir::ValueId b);
  void connect(const ir::Graph& graph);
  void forbid_splits(const ir::Graph& graph);
  void ask_for(ir::ValueId value, const Form& form);
  void choose(const ir::Graph& graph);

  mutable std::vector<ir::ValueId> parent_;  // paths become shorter as they are followed
  std::vector<bool> is_member_;              // made by an op that this pass rewrites
  std::vector<bool> is_image_;               // by root: an image op makes or takes one of them
  std::vector<bool> is_whole_;               // by root: something in it can not be split
  std::vector<std::optional<Form>> form_;    // by root: the split asked for
};

}  // namespace weft::passes
