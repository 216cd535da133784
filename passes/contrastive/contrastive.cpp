// Rewrites a contrastive loss over the similarities of all pairs of rows, in its textbook form, to ops that never store
// the n x n matrix: `similarity_lse` for the log-sum-exp of each row without its diagonal, and products of each row
// with its partner (NT-Xent: Chen et al., "A Simple Framework for Contrastive Learning of Visual
// Representations", 2020).
//
// The pass recognises values by meaning, not by spelling. It visits the ops in order and gives each value that it
// understands a form: a matrix with elements c s_ij + a_i, possibly under exp, without its diagonal or with partners
// only; or one number per row, plus multiples of row maxima. Log-sum-exp subtracts a maximum and adds it back: once the
// multiples cancel, the new ops replace the value. Masks are recognised by evaluating them (closed_form.h).
#include <algorithm>
#include <cmath>
#include <map>

#include "ir/error.h"
#include "passes/contrastive/forms.h"
#include "passes/passes.h"
#include "passes/rewriter.h"
#include "passes/simplify/closed_form.h"

namespace weft::passes {

using ir::Attr;
using ir::Dim;
using ir::Dims;
using ir::Graph;
using ir::Op;
using ir::OpCode;
using ir::ValueId;

namespace {

// A mask that adds this or less drops an element: its exp is 0 beside any other.
constexpr double kDropped = -1e6;

class Recogniser {
 public:
  Recogniser(const Graph& graph, Rewriter& rewriter) : graph_(graph), rewriter_(rewriter), closed_(graph) {}

  // Replaces the op's result if it is one number per row and does not need the matrix.
  std::optional<Expr> replacement(const Op& op) {
    const ValueId result = op.results.front();
    if (std::optional<MatrixForm> matrix = matrix_of(op)) {
      matrices_.emplace(result, std::move(*matrix));
      return {};
    }
    const std::optional<RowForm> row = row_of(op);
    if (!row) {
      note_unknown(op);
      return {};
    }
    if (!row->is_closed()) {
      rows_.emplace(result, *row);
      return {};
    }
    return row->rest ? as_result(*row->rest, graph_.type(result)) : full(rewriter_.builder(), 0, graph_.type(result));
  }

  ValueId product() const { return product_; }           // the first z z^T found
  const Op* unknown() const { return unknown_; }         // the first op over the matrix that has no form
  const std::string& reason() const { return reason_; }  // why the matrix stays, if known

 private:
  // Matrices

  const MatrixForm* matrix(ValueId value) const {
    const auto found = matrices_.find(value);
    return found == matrices_.end() ? nullptr : &found->second;
  }
  const MatrixForm* operand_matrix(const Op& op, std::size_t i) const {
    return i < op.operands.size() ? matrix(op.operands[i]) : nullptr;
  }

  Dim rows_of(const MatrixForm& form) const { return graph_.type(form.z).dims[0]; }
  std::optional<PairPattern> pattern(ValueId value, const MatrixForm& form) const {
    return pair_pattern(closed_, graph_, value, rows_of(form));
  }

  std::optional<MatrixForm> matrix_of(const Op& op) {
    if (op.code == OpCode::matmul) return product_of(op);
    if (op.code == OpCode::select) return selected(op);
    const MatrixForm *a = operand_matrix(op, 0), *b = operand_matrix(op, 1);
    if (op.code == OpCode::add && (a || b)) return a ? plus(*a, op.operands[1], 1) : plus(*b, op.operands[0], 1);
    if (op.code == OpCode::sub && a) return plus(*a, op.operands[1], -1);
    if (op.code == OpCode::sub && b) return plus(times(*b, -1), op.operands[0], 1);
    if (op.code == OpCode::neg && a) return times(*a, -1);
    if (op.code == OpCode::mul && (a || b)) return a ? product(*a, op.operands[1]) : product(*b, op.operands[0]);
    if (op.code == OpCode::div && a) return quotient(*a, op.operands[1]);
    if (op.code == OpCode::exp && a && !a->exponential && a->places != MatrixForm::Places::partners) {
      MatrixForm form = *a;
      form.exponential = true;
      return form;
    }
    if (op.code == OpCode::broadcast && a && graph_.type(op.operands[0]).dims == graph_.type(op.results[0]).dims)
      return *a;
    return {};
  }

  // A side of the product without its scalar factors, which go into `form`.
  ValueId base_of(ValueId side, MatrixForm& form) {
    const Op* op = graph_.producer(side);
    if (!op || (op->code != OpCode::mul && op->code != OpCode::div)) return side;
    for (const std::size_t i : {1u, 0u}) {
      if (i == 0 && op->code == OpCode::div) break;
      const ValueId factor = op->operands[i], rest = op->operands[1 - i];
      if (!is_single(graph_.type(factor).dims) || graph_.type(rest) != graph_.type(side)) continue;
      if (scale(form, factor, op->code == OpCode::div)) return base_of(rest, form);
    }
    return side;
  }

  std::optional<MatrixForm> product_of(const Op& op) {
    if (op.operands.size() != 2 || op.attrs.integer(Attr::transpose_a) != 0 || op.attrs.has(Attr::activation) ||
        graph_.type(op.results[0]).rank() != 2)
      return {};
    ValueId right = op.operands[1];
    if (op.attrs.integer(Attr::transpose_b) == 0) {
      const Op* transposed = graph_.producer(right);
      if (!transposed || transposed->code != OpCode::transpose ||
          transposed->attrs.integers(Attr::perm) != std::vector<std::int64_t>{1, 0})
        return {};
      right = transposed->operands[0];
    }
    MatrixForm form;
    form.z = base_of(op.operands[0], form);
    if (form.z != base_of(right, form) || graph_.type(form.z).dtype != ir::DType::f32) return {};
    if (product_ == ir::kNone) product_ = op.results[0];
    return form;
  }

  // Adds a factor of all elements; false if its sign or value is unknown.
  bool scale(MatrixForm& form, ValueId by, bool inverse) {
    if (const std::optional<double> number = uniform_constant(graph_, by)) {
      if (*number == 0 || !std::isfinite(*number)) return false;
      const double factor = inverse ? 1 / *number : *number;
      form.constant *= factor;
      form.row = scaled(form.row, factor);
      return true;
    }
    if (form.row.rest || !form.row.maxima.empty()) return false;
    if (!is_positive(graph_, by)) {
      reason_ = "Weft cannot tell that the factor of the similarities is positive";
      return false;
    }
    const Expr factor = reshape(rewriter_[by], {});
    const Expr one = form.factor ? *form.factor : scalar_like(factor, 1);
    form.factor = inverse ? one / factor : one * factor;
    return true;
  }

  std::optional<MatrixForm> times(MatrixForm form, double number) {
    if (form.exponential) return {};
    form.constant *= number;
    form.row = scaled(form.row, number);
    return form;
  }

  // form + sign * value: one number per row, or a mask that drops the diagonal.
  std::optional<MatrixForm> plus(std::optional<MatrixForm> form, ValueId value, double sign) {
    if (!form || form->exponential || form->places == MatrixForm::Places::partners) return {};
    if (const auto mask = pattern(value, *form); mask && !mask->is_uniform()) {
      if (sign * mask->diagonal > kDropped || mask->partner != 0 || mask->elsewhere != 0) return {};
      form->places = MatrixForm::Places::off_diagonal;
      return form;
    }
    const std::optional<RowForm> row = row_beside(value, rows_of(*form));
    if (!row) return {};
    form->row = sum(form->row, scaled(*row, sign));
    return form;
  }

  // form * value: a factor, or a mask of zeros and ones.
  std::optional<MatrixForm> product(MatrixForm form, ValueId value) {
    const auto mask = pattern(value, form);
    if (mask && !mask->is_uniform()) return masked(form, *mask);
    if (mask && mask->elsewhere != 0) return times(form, mask->elsewhere);
    if (form.exponential || !is_single(graph_.type(value).dims) || !scale(form, value, false)) return {};
    return form;
  }
  std::optional<MatrixForm> quotient(MatrixForm form, ValueId value) {
    if (form.exponential || !is_single(graph_.type(value).dims) || !scale(form, value, true)) return {};
    return form;
  }

  static std::optional<MatrixForm> masked(MatrixForm form, const PairPattern& keep) {
    if (form.exponential && keep.diagonal == 0 && keep.partner == 1 && keep.elsewhere == 1) {
      form.places = MatrixForm::Places::off_diagonal;
      return form;
    }
    if (!form.exponential && keep.diagonal == 0 && keep.partner == 1 && keep.elsewhere == 0) {
      form.places = MatrixForm::Places::partners;
      return form;
    }
    return {};
  }

  // select(mask, form, number) or select(mask, number, form).
  std::optional<MatrixForm> selected(const Op& op) {
    for (const std::size_t i : {1u, 2u}) {
      const MatrixForm* kept = operand_matrix(op, i);
      if (!kept) continue;
      std::optional<PairPattern> keep = pattern(op.operands[0], *kept);
      const std::optional<PairPattern> other = pattern(op.operands[3 - i], *kept);
      if (!keep || !other || !other->is_uniform()) return {};
      if (i == 2) keep = PairPattern{1 - keep->diagonal, 1 - keep->partner, 1 - keep->elsewhere};
      const bool drops_diagonal = keep->diagonal == 0 && keep->partner == 1 && keep->elsewhere == 1;
      if (!kept->exponential && drops_diagonal && other->elsewhere <= kDropped) {
        MatrixForm form = *kept;
        form.places = MatrixForm::Places::off_diagonal;
        return form;
      }
      return other->elsewhere == 0 ? masked(*kept, *keep) : std::nullopt;
    }
    return {};
  }

  // Rows

  const RowForm* row(ValueId value) const {
    const auto found = rows_.find(value);
    return found == rows_.end() ? nullptr : &found->second;
  }

  // The form of a value that broadcasts against a matrix of `rows` rows or one of its columns: [rows,1], a single
  // element, or a broadcast of either along the row.
  std::optional<RowForm> row_beside(ValueId value, const Dim& rows) const {
    if (const RowForm* known = row(value)) return *known;
    const Op* op = graph_.producer(value);
    if (op && op->code == OpCode::broadcast) return row_beside(op->operands[0], rows);
    const Dims& dims = graph_.type(value).dims;
    if (is_single(graph_.type(value).dims)) return RowForm{reshape(rewriter_[value], {}), {}};
    if (dims == Dims{rows, 1}) return RowForm{rewriter_[value], {}};
    return {};
  }

  std::optional<RowForm> row_of(const Op& op) {
    if (const MatrixForm* form = operand_matrix(op, 0)) {
      if (op.code == OpCode::reduce_max) return maximum(op, *form);
      if (op.code == OpCode::reduce_sum) return summed(op, *form);
      return {};
    }
    const RowForm *a = op.operands.empty() ? nullptr : row(op.operands[0]),
                  *b = op.operands.size() < 2 ? nullptr : row(op.operands[1]);
    if (op.code == OpCode::log && sums_.count(op.operands[0]) != 0) return sums_.at(op.operands[0]);
    if (op.code == OpCode::reshape && sums_.count(op.operands[0]) != 0) {
      sums_.emplace(op.results[0], sums_.at(op.operands[0]));
      return {};
    }
    if (!a && !b) return {};
    if (op.code == OpCode::max || op.code == OpCode::min) return bounded(op, a);
    if (op.code == OpCode::stop_gradient) return a->rest ? std::nullopt : std::optional(*a);
    if (op.code == OpCode::reshape || op.code == OpCode::neg) return op.code == OpCode::neg ? scaled(*a, -1) : *a;
    if (op.code != OpCode::add && op.code != OpCode::sub) return {};
    const std::optional<RowForm> left = term(op, 0), right = term(op, 1);
    if (!left || !right) return {};
    return sum(*left, scaled(*right, op.code == OpCode::add ? 1 : -1));
  }

  // An operand of a sum of per-row numbers: it has all dims of the result, or is a single element.
  std::optional<RowForm> term(const Op& op, std::size_t i) const {
    const ValueId value = op.operands[i];
    const Dims& dims = graph_.type(op.results[0]).dims;
    if (const RowForm* known = row(value)) return *known;
    if (is_single(graph_.type(value).dims)) return RowForm{reshape(rewriter_[value], {}), {}};
    if (graph_.type(value).dims != dims || !ir::same_elements(dims, {dims[0], 1})) return {};
    return RowForm{reshape(rewriter_[value], {dims[0], 1}), {}};
  }

  // A maximum clamped to constant bounds: any number per row may be subtracted under the logarithm and added back.
  std::optional<RowForm> bounded(const Op& op, const RowForm* a) const {
    if (!a || a->rest || a->maxima.size() != 1 || !uniform_constant(graph_, op.operands[1])) return {};
    return RowForm{{}, {{op.results[0], a->maxima.begin()->second}}};
  }

  std::optional<RowForm> maximum(const Op& op, const MatrixForm& form) const {
    if (op.attrs.integers(Attr::axes) != std::vector<std::int64_t>{1} || form.exponential) return {};
    if (form.places == MatrixForm::Places::partners) return {};
    RowForm result = form.row;
    result.maxima[op.results[0]] += 1;
    return result;
  }

  std::optional<RowForm> summed(const Op& op, const MatrixForm& form) {
    const std::vector<std::int64_t> axes = op.attrs.integers(Attr::axes);
    if (form.places == MatrixForm::Places::partners) return picked(axes, form);
    if (!form.exponential || axes != std::vector<std::int64_t>{1}) return {};
    if (form.places != MatrixForm::Places::off_diagonal) {
      reason_ = "each row is also compared with itself: mask the diagonal";
      return {};
    }
    if (form.constant <= 0) {
      reason_ = "the factor of the similarities is negative";
      return {};
    }
    const ScaledRows rows = scaled_rows(graph_, rewriter_, form);
    RowForm logarithm = form.row;
    const Expr lse = apply(OpCode::similarity_lse, {rows.x, rows.r});
    logarithm.rest = logarithm.rest ? *logarithm.rest + lse : lse;
    sums_.emplace(op.results[0], std::move(logarithm));
    return {};
  }

  // The sum of the partners' similarities, by row or over all rows.
  std::optional<RowForm> picked(const std::vector<std::int64_t>& axes, const MatrixForm& form) {
    const Dim rows = rows_of(form);
    if (rows.factor % 2 != 0) {
      reason_ = fmt::format("Weft cannot tell that the {} rows are an even number; write them as 2*B", to_string(rows));
      return {};
    }
    const auto [x, r] = scaled_rows(graph_, rewriter_, form);
    const Expr pair = reduce_sum(x * roll_half(x), {1}) * r * roll_half(r);
    RowForm result = form.row;
    const Expr signed_pair = form.constant < 0 ? -pair : pair;
    result.rest = result.rest ? *result.rest + signed_pair : signed_pair;
    if (axes == std::vector<std::int64_t>{1}) return result;
    if (axes != std::vector<std::int64_t>{0, 1} || !result.is_closed()) return {};
    return RowForm{reduce_sum(*result.rest, {0}), {}};
  }

  // Reshapes or broadcasts `rest` to the dims of the op's result.
  static Expr as_result(Expr rest, const ir::Type& type) {
    const Dims column{type.dims.empty() ? Dim(1) : type.dims[0], 1};
    if (rest.dims() == type.dims) return rest;
    if (is_single(rest.dims())) return broadcast(reshape(rest, {}), type.dims);
    return reshape(broadcast(rest, column), type.dims);
  }

  void note_unknown(const Op& op) {
    if (unknown_) return;
    for (const ValueId operand : op.operands)
      if (matrix(operand) && sums_.count(op.results[0]) == 0) unknown_ = &op;
  }

  const Graph& graph_;
  Rewriter& rewriter_;
  ClosedForm closed_;
  std::map<ValueId, MatrixForm> matrices_;
  std::map<ValueId, RowForm> rows_;
  std::map<ValueId, RowForm> sums_;  // by reduce_sum of exponentials: its logarithm
  ValueId product_ = ir::kNone;
  const Op* unknown_ = nullptr;
  std::string reason_;
};

int count_of(const Graph& graph, OpCode code) {
  return int(std::count_if(graph.ops.begin(), graph.ops.end(), [&](const Op& op) { return op.code == code; }));
}

bool has_exponential(const Graph& graph) { return count_of(graph, OpCode::exp) != 0; }

}  // namespace

GraphPtr contrastive(const GraphPtr& graph, Context& context) {
  if (!context.contrastive || !has_exponential(*graph)) return graph;
  Rewriter rewriter(graph);
  Recogniser recogniser(*graph, rewriter);
  rewriter.copy_inputs();
  for (const Op& op : graph->ops) {
    rewriter.builder().set_where(op.location);
    const std::optional<Expr> replacement = recogniser.replacement(op);
    rewriter.builder().set_where(op.location);
    if (replacement)
      rewriter.map(op.results.front(), *replacement);
    else
      rewriter.copy(op);
  }
  if (recogniser.product() == ir::kNone) return graph;
  rewriter.copy_outputs();
  const GraphPtr result = dce(rewriter.finish(), context);
  const Op& product = *graph->producer(recogniser.product());
  const ir::Type& type = graph->type(recogniser.product());
  const auto note = [&](const std::string& text) { context.notes.push_back({"contrastive", product.location, text}); };
  const bool streams = count_of(*result, OpCode::similarity_lse) > count_of(*graph, OpCode::similarity_lse);
  if (streams && count_of(*result, OpCode::matmul) < count_of(*graph, OpCode::matmul)) {
    note(fmt::format("the similarities {} are computed tile by tile, forward and backward, and never stored{}",
                     to_string(type),
                     type.is_static() ? fmt::format(": each copy would take {} bytes", type.bytes())
                                      : ": each copy would take 4 bytes per element"));
    return result;
  }
  const Op* unknown = recogniser.unknown();
  const std::string place = unknown ? to_string(unknown->location) : "";
  note(fmt::format("the similarities {} of all pairs of rows stay a stored matrix: {}", to_string(type),
                   !recogniser.reason().empty() ? recogniser.reason()
                   : unknown ? fmt::format("{}{}[{}] needs the whole matrix", place, place.empty() ? "" : ": ",
                                           ir::name(unknown->code))
                             : "no op takes its log-sum-exp by row"));
  return graph;
}

}  // namespace weft::passes
