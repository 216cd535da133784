// The forms of images while `layout` rewrites a graph, and the form of each value.
//
// A form stores a value with dims [N,C,H,W] as [N,H,W,C], or, for pooling over windows that do not overlap, as
// [N,H/a,a,W/b,b,C] with windows of a x b, so that pooling reduces two dims. Both describe the same memory. Values
// connected by elementwise ops, broadcasts and reductions share one form; otherwise those ops could not form one
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
  std::int64_t height = 1, width = 1;  // of the window, if split
  bool operator==(const Form&) const = default;
};

// Converts `nchw` dims, reduction axes and starts (of slices and pads) to a form.
ir::Dims dims_in(const Form& form, const ir::Dims& nchw);
std::vector<std::int64_t> axes_in(const Form& form, const std::vector<std::int64_t>& axes);
ir::Dims start_in(const Form& form, const ir::Dims& start);

// Convert between forms by reshapes, and by transposes if the order of elements changes.
Expr nhwc_of_nchw(Expr nchw);
Expr nchw_of_nhwc(Expr nhwc);
Expr nhwc_of(Expr formed, const Form& form);
Expr formed_of(Expr nhwc, const Form& form);

// The window of a pooling op that tiles its input exactly (no overlap, padding or remainder), else nothing.
std::optional<Form> tiling_window(const ir::Graph& graph, const ir::Op& op);

// A convolution or pooling of images [N,C,H,W], which `layout` rewrites; it skips ops in nhwc.
bool is_nchw_op(const ir::Op& op);

// Ops that compute the same result in any order of dims, once their attributes are adapted.
bool keeps_any_form(const ir::Graph& graph, const ir::Op& op);

class Forms {
 public:
  explicit Forms(const ir::Graph& graph);
  // The form of a value that an image op computes, or an op that keeps any form and is connected to an image op;
  // nothing for other values, which stay unchanged.
  std::optional<Form> of(ir::ValueId value) const;

 private:
  ir::ValueId root(ir::ValueId value) const;
  void join(ir::ValueId a, ir::ValueId b);
  void connect(const ir::Graph& graph);
  void forbid_splits(const ir::Graph& graph);
  void ask_for(ir::ValueId value, const Form& form);
  void choose(const ir::Graph& graph);

  mutable std::vector<ir::ValueId> parent_;  // with path compression
  std::vector<bool> is_member_;              // computed by an op that this pass rewrites
  std::vector<bool> is_image_;               // by root: an image op computes or reads one of them
  std::vector<bool> is_whole_;               // by root: one of them cannot be split
  std::vector<std::optional<Form>> form_;    // by root: the requested split
};

}  // namespace weft::passes
