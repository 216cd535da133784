// Stores images as [N,H,W,C] around convolutions and pooling: library convolutions are fastest in this layout, and
// generated kernels between them get rows of channels.
//
// Values connected by convolutions, pooling, elementwise ops, broadcasts and reductions change their order of dims
// together (passes/layout/forms.h). A transpose remains only where such a value meets an op that depends on the order:
// an input, an output, a reshape that mixes dims. Random numbers and indices are functions of their index in their own
// shape: they keep it and are read transposed. Pooling over windows that tile the image becomes reductions
// (passes/layout/pool.h).
#include "ir/layout.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "ir/error.h"
#include "passes/layout/forms.h"
#include "passes/layout/pool.h"
#include "passes/passes.h"
#include "passes/rewriter.h"

namespace weft::passes {

using ir::Attr;
using ir::Attrs;
using ir::Dims;
using ir::Graph;
using ir::Op;
using ir::OpCode;
using ir::ValueId;

namespace {

class Layout {
 public:
  explicit Layout(const GraphPtr& graph) : graph_(*graph), forms_(*graph), rewriter_(graph) {}

  GraphPtr run() {
    rewriter_.copy_inputs();
    for (const ir::Input& input : graph_.inputs) is_plain_[input.value] = true;
    for (const Op& op : graph_.ops) {
      rewriter_.builder().set_where(op.location);
      if (is_nchw_op(op))
        image_op(op);
      else if (const auto form = op.results.size() == 1 ? forms_.of(op.results[0]) : std::nullopt)
        make(op, *form, any_form_op(op, *form));
      else
        copy(op);
    }
    for (const ir::Output& output : graph_.outputs) plain(output.value);
    rewriter_.copy_outputs();
    return rewriter_.finish();
  }

 private:
  // Values

  void copy(const Op& op) {
    for (const ValueId operand : op.operands) plain(operand);
    rewriter_.copy(op);
    for (const ValueId result : op.results) is_plain_[result] = true;
  }

  void make(const Op& op, const Form& form, Expr value) {
    const ValueId result = op.results[0];
    rewriter_.builder().set_name(value.id, graph_.values[result].name);
    made_[result] = form;
    formed_[{result, key(form)}] = value;
  }

  // In the source's form.
  Expr plain(ValueId value) {
    if (is_plain_[value]) return rewriter_[value];
    const Form form = made_.at(value);
    rewriter_.map(value, nchw_of_nhwc(nhwc_of(formed_.at({value, key(form)}), form)));
    is_plain_[value] = true;
    return rewriter_[value];
  }

  Expr in_form(ValueId value, const Form& form) {
    const auto found = formed_.find({value, key(form)});
    if (found != formed_.end()) return found->second;
    const auto made = made_.find(value);
    const Expr nhwc = made == made_.end() ? nhwc_of_nchw(plain(value))
                                          : nhwc_of(formed_.at({value, key(made->second)}), made->second);
    return formed_[{value, key(form)}] = formed_of(nhwc, form);
  }

  // An operand that may have fewer dims, which align with the last ones as in broadcasting.
  Expr aligned(ValueId value, const Form& form) {
    const Dims& dims = graph_.type(value).dims;
    if (dims.size() == 4) return in_form(value, form);
    const Expr own = plain(value);
    if (is_single(dims)) return own;
    Dims four(4 - dims.size(), 1);
    four.insert(four.end(), dims.begin(), dims.end());
    return formed_of(nhwc_of_nchw(reshape(own, four)), form);
  }

  static std::tuple<bool, std::int64_t, std::int64_t> key(const Form& form) {
    return {form.is_split, form.height, form.width};
  }

  // Ops

  Expr any_form_op(const Op& op, const Form& form) {
    std::vector<Expr> operands;
    for (const ValueId operand : op.operands) operands.push_back(aligned(operand, form));
    Attrs attrs = op.attrs;
    if (attrs.has(Attr::axes)) attrs.set(Attr::axes, axes_in(form, attrs.integers(Attr::axes)));
    if (attrs.has(Attr::axis)) attrs.set(Attr::axis, axes_in(form, {attrs.integer(Attr::axis)}).front());
    if (attrs.has(Attr::start)) attrs.set(Attr::start, start_in(form, attrs.dims(Attr::start)));
    std::optional<ir::Type> written;
    const ir::Type& type = graph_.type(op.results[0]);
    if (ir::has(op.code, ir::Trait::typed)) written = ir::Type{type.dtype, dims_in(form, type.dims)};
    return apply(op.code, operands, std::move(attrs), std::move(written));
  }

  void image_op(const Op& op) {
    const std::optional<Form> window = tiling_window(graph_, op);
    const std::optional<Form> form = forms_.of(op.results[0]);
    if (window) return make(op, *form, formed_of(pooled(op, *window), *form));
    std::vector<Expr> operands;
    for (std::size_t i = 0; i < op.operands.size(); ++i)
      operands.push_back(ir::is_image_operand(op.code, i) ? in_form(op.operands[i], {}) : plain(op.operands[i]));
    Attrs attrs = op.attrs;
    attrs.set(Attr::layout, std::string("nhwc"));
    const ir::Type& type = graph_.type(op.results[0]);
    const bool image = ir::makes_image(op.code);
    std::optional<ir::Type> written;
    if (ir::has(op.code, ir::Trait::typed)) written = ir::to_nhwc(type);
    const Expr result = apply(op.code, operands, std::move(attrs), std::move(written));
    if (image) return make(op, *form, formed_of(result, *form));
    rewriter_.map(op.results[0], result);
    is_plain_[op.results[0]] = true;
  }

  // In nhwc.
  Expr pooled(const Op& op, const Form& window) {
    const Form one{true, 1, 1};
    const auto in_windows = [&](std::size_t i) { return in_form(op.operands[i], window); };
    const auto of_windows = [&](std::size_t i) { return in_form(op.operands[i], one); };
    if (op.code == OpCode::max_pool2d) return nhwc_of(max_of_windows(in_windows(0)), one);
    if (op.code == OpCode::avg_pool2d) return nhwc_of(mean_of_windows(in_windows(0)), one);
    if (op.code == OpCode::max_pool2d_grad)
      return nhwc_of(max_of_windows_gradient(in_windows(0), of_windows(1)), window);
    return nhwc_of(mean_of_windows_gradient(of_windows(0), dims_in(window, graph_.type(op.results[0]).dims)), window);
  }

  const Graph& graph_;
  Forms forms_;
  Rewriter rewriter_;
  std::map<ValueId, bool> is_plain_;  // available in the source's form
  std::map<ValueId, Form> made_;      // the form it was computed in, if different
  std::map<std::pair<ValueId, std::tuple<bool, std::int64_t, std::int64_t>>, Expr> formed_;
};

}  // namespace

GraphPtr layout(const GraphPtr& graph, Context&) {
  const bool has_images = std::any_of(graph->ops.begin(), graph->ops.end(), is_nchw_op);
  return has_images ? Layout(graph).run() : graph;
}

}  // namespace weft::passes
