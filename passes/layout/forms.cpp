// Image forms: conversions, and a union-find that gives connected values one form.
#include "passes/layout/forms.h"

#include <algorithm>

#include "ir/error.h"
#include "ir/layout.h"

namespace weft::passes {

using ir::Attr;
using ir::Dim;
using ir::Dims;
using ir::Graph;
using ir::kNone;
using ir::Op;
using ir::OpCode;
using ir::OpKind;
using ir::ValueId;

namespace {

using Axes = std::vector<std::int64_t>;

// H as the dims [H/size, size]; a single element is one window of one element.
Dims split(const Dim& whole, std::int64_t size) {
  if (whole.is_one()) return {1, 1};
  return {Dim(ir::number(whole) / size), Dim(size)};
}

// A transpose, or a reshape if the order of elements stays.
Expr moved(Expr x, const Axes& perm) {
  if (!keeps_order(x.dims(), perm)) return transpose(x, perm);
  Dims dims;
  for (const std::int64_t axis : perm) dims.push_back(x.dims()[std::size_t(axis)]);
  return reshape(x, dims);
}

}  // namespace

Dims dims_in(const Form& form, const Dims& nchw) {
  if (!form.is_split) return {nchw[0], nchw[2], nchw[3], nchw[1]};
  const Dims rows = split(nchw[2], form.height), columns = split(nchw[3], form.width);
  return {nchw[0], rows[0], rows[1], columns[0], columns[1], nchw[1]};
}

Axes axes_in(const Form& form, const Axes& axes) {
  static const std::vector<Axes> plain = {{0}, {3}, {1}, {2}}, split = {{0}, {5}, {1, 2}, {3, 4}};
  Axes result;
  for (const std::int64_t axis : axes)
    for (const std::int64_t each : (form.is_split ? split : plain)[std::size_t(axis)]) result.push_back(each);
  std::sort(result.begin(), result.end());
  return result;
}

Dims start_in(const Form& form, const Dims& start) {
  if (!form.is_split) return {start[0], start[2], start[3], start[1]};
  const std::int64_t row = ir::number(start[2]), column = ir::number(start[3]);
  return {start[0], row / form.height, row % form.height, column / form.width, column % form.width, start[1]};
}

Expr nhwc_of_nchw(Expr nchw) { return moved(nchw, ir::kNchwToNhwc); }
Expr nchw_of_nhwc(Expr nhwc) { return moved(nhwc, ir::kNhwcToNchw); }

Expr nhwc_of(Expr formed, const Form& form) {
  if (!form.is_split) return formed;
  const Dims dims = formed.dims();
  return reshape(formed, {dims[0], Dim(ir::number(dims[1]) * ir::number(dims[2])),
                          Dim(ir::number(dims[3]) * ir::number(dims[4])), dims[5]});
}

Expr formed_of(Expr nhwc, const Form& form) {
  const Dims dims = nhwc.dims();
  return reshape(nhwc, dims_in(form, {dims[0], dims[3], dims[1], dims[2]}));
}

namespace {

// The dtype represents every integer up to this one exactly.
std::int64_t most_exact(ir::DType dtype) {
  if (dtype == ir::DType::bf16) return std::int64_t{1} << 8;
  return std::int64_t{1} << (dtype == ir::DType::f16 ? 11 : 24);
}

}  // namespace

std::optional<Form> tiling_window(const Graph& graph, const Op& op) {
  if (ir::info(op.code).kind != OpKind::pooling || ir::is_nhwc(op.attrs)) return {};
  const bool from_dy = op.code == OpCode::avg_pool2d_grad;
  const Dims& dims = graph.type(from_dy ? op.results[0] : op.operands[0]).dims;
  const Axes kernel = op.attrs.integers(Attr::kernel);
  if (op.attrs.integers(Attr::stride) != kernel || op.attrs.has(Attr::padding)) return {};
  for (std::size_t axis = 0; axis < 2; ++axis)
    if (ir::number(dims[2 + axis]) % kernel[axis] != 0) return {};
  const bool ranks = op.code == OpCode::max_pool2d_grad;  // the index in a window must be exact in the dtype
  if (ranks && kernel[0] * kernel[1] > most_exact(graph.type(op.operands[0]).dtype)) return {};
  return Form{true, kernel[0], kernel[1]};
}

bool is_nchw_op(const Op& op) { return ir::has_layout(op.code) && !ir::is_nhwc(op.attrs); }

bool keeps_any_form(const Graph& graph, const Op& op) {
  if (op.results.size() != 1 || graph.type(op.results[0]).rank() != 4) return false;
  constexpr OpCode kMovements[] = {OpCode::broadcast, OpCode::reduce_sum, OpCode::reduce_max,
                                   OpCode::slice,     OpCode::pad,        OpCode::concat};
  return ir::is_elementwise(op.code) ||
         std::find(std::begin(kMovements), std::end(kMovements), op.code) != std::end(kMovements);
}

Forms::Forms(const Graph& graph)
    : parent_(graph.values.size()),
      is_member_(graph.values.size(), false),
      is_image_(graph.values.size(), false),
      is_whole_(graph.values.size(), false),
      form_(graph.values.size()) {
  for (ValueId value = 0; value < graph.values.size(); ++value) parent_[value] = value;
  connect(graph);
  forbid_splits(graph);
  choose(graph);
}

ValueId Forms::root(ValueId value) const {
  while (parent_[value] != value) value = parent_[value] = parent_[parent_[value]];
  return value;
}

void Forms::join(ValueId a, ValueId b) { parent_[root(a)] = root(b); }

void Forms::connect(const Graph& graph) {
  for (const Op& op : graph.ops) {
    const bool image = is_nchw_op(op) && ir::makes_image(op.code);
    if (!image && !keeps_any_form(graph, op)) continue;
    is_member_[op.results[0]] = true;
    if (image) continue;
    for (const ValueId operand : op.operands)
      if (is_member_[operand]) join(op.results[0], operand);
  }
  for (const Op& op : graph.ops) {
    if (!is_nchw_op(op)) continue;
    if (ir::makes_image(op.code)) is_image_[root(op.results[0])] = true;
    for (std::size_t i = 0; i < op.operands.size(); ++i)
      if (ir::is_image_operand(op.code, i)) is_image_[root(op.operands[i])] = true;
  }
}

// Only slices of all rows or of one row (and pads and concats of all rows) translate to windows.
void Forms::forbid_splits(const Graph& graph) {
  for (const Op& op : graph.ops) {
    if (op.code != OpCode::slice && op.code != OpCode::pad && op.code != OpCode::concat) continue;
    const Dims& to = graph.type(op.results[0]).dims;
    if (to.size() != 4) continue;
    for (const ValueId operand : op.operands) {
      const Dims& from = graph.type(operand).dims;
      for (const std::size_t axis : {2, 3})
        if (from[axis] != to[axis] && !(op.code == OpCode::slice && to[axis].is_one()))
          is_whole_[root(op.results[0])] = true;
    }
  }
}

void Forms::ask_for(ValueId value, const Form& form) {
  if (!is_member_[value]) return;
  std::optional<Form>& now = form_[root(value)];
  if (!now || *now == Form{true, 1, 1}) now = form;
}

void Forms::choose(const Graph& graph) {
  const Form one{true, 1, 1};
  for (const Op& op : graph.ops) {
    const std::optional<Form> window = tiling_window(graph, op);
    if (!window) continue;
    const bool to_windows = op.code == OpCode::max_pool2d_grad || op.code == OpCode::avg_pool2d_grad;
    ask_for(op.results[0], to_windows ? *window : one);
    for (std::size_t i = 0; i < op.operands.size(); ++i)
      ask_for(op.operands[i], i == 0 && op.code != OpCode::avg_pool2d_grad ? *window : one);
  }
  for (ValueId value = 0; value < graph.values.size(); ++value) {
    const std::optional<Form>& form = form_[root(value)];
    if (!is_member_[value] || !form) continue;
    const Dims& dims = graph.type(value).dims;
    for (const auto& [axis, size] : {std::pair{std::size_t(2), form->height}, {std::size_t(3), form->width}})
      if (!dims[axis].is_number() || (!dims[axis].is_one() && ir::number(dims[axis]) % size != 0))
        is_whole_[root(value)] = true;
  }
}

std::optional<Form> Forms::of(ValueId value) const {
  const ValueId of_all = root(value);
  if (!is_member_[value] || !is_image_[of_all]) return {};
  return is_whole_[of_all] ? Form() : form_[of_all].value_or(Form());
}

}  // namespace weft::passes
