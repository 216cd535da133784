// Evaluates one element at a time, recursively from the value to its constants.
#include "passes/simplify/closed_form.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ir/error.h"
#include "ir/scalar.h"
#include "passes/index.h"

namespace weft::passes {

using ir::Attr;
using ir::Bindings;
using ir::Graph;
using ir::Op;
using ir::OpCode;
using ir::ValueId;

namespace {

bool can_evaluate(OpCode code) {
  return ir::is_elementwise(code) || code == OpCode::constant || code == OpCode::iota || code == OpCode::dim_size ||
         code == OpCode::broadcast || code == OpCode::reshape || code == OpCode::transpose || code == OpCode::slice ||
         code == OpCode::concat;
}

Index sizes(const Graph& graph, ValueId value, const Bindings& bindings) {
  return ir::numbers(ir::bind(graph.type(value).dims, bindings));
}

// Rounds as a backend would. Integers that would wrap become NaN, which equals nothing, so that no mask uses them.
double in_dtype(double value, ir::DType dtype) {
  if (dtype == ir::DType::boolean) return value != 0 ? 1 : 0;
  if (dtype == ir::DType::f32) return double(float(value));
  const double whole = std::trunc(value);
  const bool fits = dtype == ir::DType::u8 ? whole >= 0 && whole <= 255 : std::abs(whole) <= 2147483647.0;
  return fits ? whole : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

ClosedForm::ClosedForm(const Graph& graph) : graph_(graph), closed_(graph.values.size(), false) {
  for (const Op& op : graph.ops)
    closed_[op.results.front()] =
        can_evaluate(op.code) && !is_narrow_float(graph.type(op.results.front()).dtype) &&
        std::all_of(op.operands.begin(), op.operands.end(), [this](ValueId operand) { return closed_[operand]; });
}

double ClosedForm::at(ValueId value, const Index& index, const Bindings& bindings) const {
  const Op& op = *graph_.producer(value);
  const auto operand_at = [&](std::size_t i, const Index& at_index) { return at(op.operands[i], at_index, bindings); };
  const auto operand_sizes = [&](std::size_t i) { return sizes(graph_, op.operands[i], bindings); };
  if (ir::is_elementwise(op.code)) {
    std::vector<double> x;
    for (std::size_t i = 0; i < op.operands.size(); ++i)
      x.push_back(operand_at(i, broadcast_index(index, operand_sizes(i))));
    return in_dtype(ir::apply_scalar(op.code, x.data()), graph_.type(value).dtype);
  }
  if (op.code == OpCode::constant) {
    const std::vector<double>& numbers = op.attrs.numbers(Attr::values);
    const std::size_t i = numbers.size() == 1 ? 0 : std::size_t(flatten(index, sizes(graph_, value, bindings)));
    return in_dtype(numbers[i], graph_.type(value).dtype);
  }
  if (op.code == OpCode::iota) return double(index[std::size_t(op.attrs.integer(Attr::axis))]);
  if (op.code == OpCode::dim_size) return double(ir::number(ir::bind(op.attrs.dims(Attr::dim), bindings)[0]));
  if (op.code == OpCode::broadcast) return operand_at(0, broadcast_index(index, operand_sizes(0)));
  if (op.code == OpCode::reshape)
    return operand_at(0, unflatten(flatten(index, sizes(graph_, value, bindings)), operand_sizes(0)));
  if (op.code == OpCode::transpose) return operand_at(0, transposed_index(index, op.attrs.integers(Attr::perm)));
  if (op.code == OpCode::slice)
    return operand_at(0, sliced_index(index, ir::numbers(ir::bind(op.attrs.dims(Attr::start), bindings))));
  check(op.code == OpCode::concat, "closed form: cannot evaluate the op");
  Index from = index;
  std::int64_t& along = from[std::size_t(op.attrs.integer(Attr::axis))];
  for (std::size_t i = 0;; ++i) {
    const std::int64_t size = operand_sizes(i)[std::size_t(op.attrs.integer(Attr::axis))];
    if (along < size) return operand_at(i, from);
    along -= size;
  }
}

std::vector<double> ClosedForm::all(ValueId value, const Bindings& bindings) const {
  const Op& op = *graph_.producer(value);
  const Index dims = sizes(graph_, value, bindings);
  std::int64_t count = 1;
  for (const std::int64_t size : dims) count *= size;
  std::vector<double> result;
  result.reserve(std::size_t(count));
  if (!ir::is_elementwise(op.code) && op.code != OpCode::broadcast) {
    for (std::int64_t i = 0; i < count; ++i) result.push_back(at(value, unflatten(i, dims), bindings));
    return result;
  }
  std::vector<std::vector<double>> operands;
  std::vector<Index> steps;  // per operand: strides along each dim of the result
  for (const ValueId operand : op.operands) {
    operands.push_back(all(operand, bindings));
    const Index own = sizes(graph_, operand, bindings);
    Index step(dims.size(), 0);
    std::int64_t stride = 1;
    for (std::size_t i = own.size(); i-- > 0; stride *= own[i])
      if (own[i] != 1) step[dims.size() - own.size() + i] = stride;
    steps.push_back(std::move(step));
  }
  std::vector<double> x(operands.size());
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::size_t k = 0; k < x.size(); ++k) {
      std::int64_t rest = i, from = 0;
      for (std::size_t d = dims.size(); d-- > 0; rest /= dims[d]) from += rest % dims[d] * steps[k][d];
      x[k] = operands[k][std::size_t(from)];
    }
    result.push_back(
        op.code == OpCode::broadcast ? x[0] : in_dtype(ir::apply_scalar(op.code, x.data()), graph_.type(value).dtype));
  }
  return result;
}

namespace {

// Collects the numbers of the three classes of elements; fails if one class has two numbers.
class PatternFinder {
 public:
  PatternFinder(const ClosedForm& forms, const Graph& graph, ValueId value)
      : forms_(forms), graph_(graph), value_(value) {}

  bool add(std::int64_t n, const Bindings& bindings) {
    constexpr std::int64_t kEveryElement = 1024;  // checks all elements of matrices with at most this many rows
    const Index dims = sizes(graph_, value_, bindings);
    if (n <= kEveryElement) {
      const std::vector<double> numbers = forms_.all(value_, bindings);
      for (std::int64_t i = 0; i < n; ++i)
        for (std::int64_t j = 0; j < n; ++j)
          if (!add_number(n, i, j, numbers[std::size_t(flatten(broadcast_index({i, j}, dims), dims))])) return false;
      return true;
    }
    // Each row i is also checked against the i-th diagonal.
    for (std::int64_t i = 0; i < n; ++i)
      for (const std::int64_t row : {i, i * 31 % n, i * 7919 % n})
        for (const std::int64_t j : {row, (row + n / 2) % n, (row + 1) % n, (row + i) % n})
          if (!add_number(n, row, j, forms_.at(value_, broadcast_index({row, j}, dims), bindings))) return false;
    return true;
  }

  PairPattern pattern() const {
    const double elsewhere = found_[2].value_or(found_[1].value_or(0));
    return {found_[0].value_or(0), found_[1].value_or(elsewhere), elsewhere};
  }

 private:
  bool add_number(std::int64_t n, std::int64_t i, std::int64_t j, double number) {
    const bool partners = n % 2 == 0 && j == (i + n / 2) % n;
    std::optional<double>& found = found_[i == j ? 0 : partners ? 1 : 2];
    if (!found) found = number;
    return *found == number;
  }

  const ClosedForm& forms_;
  const Graph& graph_;
  ValueId value_;
  std::optional<double> found_[3];  // on the diagonal, for partners, elsewhere
};

// Whether the value depends on an integer above `bound`, possibly a distance that no small matrix has.
bool has_larger(const Graph& graph, ValueId value, std::int64_t bound) {
  const Op& op = *graph.producer(value);
  if (op.code == OpCode::constant && graph.type(value).dtype == ir::DType::i32)
    for (const double number : op.attrs.numbers(Attr::values))
      if (std::abs(number) > double(bound)) return true;
  return std::any_of(op.operands.begin(), op.operands.end(),
                     [&](ValueId operand) { return has_larger(graph, operand, bound); });
}

// Whether `holds(n, bindings)` for a value that depends on the number of rows: for each of several sizes of a symbol,
// of which the value's numbers can reveal no other.
template <typename Holds>
bool at_all_sizes(const Graph& graph, ValueId value, const ir::Dim& rows, const Holds& holds) {
  constexpr std::int64_t kLargest = 150;
  if (rows.is_number()) return holds(rows.factor, Bindings{});
  if (has_larger(graph, value, kLargest / 2)) return false;
  for (const std::int64_t size : {std::int64_t(2), std::int64_t(3), std::int64_t(5), kLargest})
    if (!holds(rows.factor * size, Bindings{{rows.symbol, size}})) return false;
  return true;
}

}  // namespace

std::optional<PairPattern> pair_pattern(const ClosedForm& forms, const Graph& graph, ValueId value,
                                        const ir::Dim& rows) {
  if (!forms.is_closed(value) || graph.type(value).rank() > 2) return {};
  for (const ir::Dim& dim : graph.type(value).dims)
    if (!dim.is_one() && dim != rows) return {};
  PatternFinder finder(forms, graph, value);
  const bool holds = at_all_sizes(graph, value, rows,
                                  [&](std::int64_t n, const Bindings& bindings) { return finder.add(n, bindings); });
  return holds ? std::optional(finder.pattern()) : std::nullopt;
}

bool is_own_inverse(const ClosedForm& forms, const Graph& graph, ValueId indices) {
  if (!forms.is_closed(indices)) return false;
  return at_all_sizes(graph, indices, graph.type(indices).dims[0], [&](std::int64_t n, const Bindings& bindings) {
    const std::vector<double> to = forms.all(indices, bindings);
    for (std::int64_t i = 0; i < n; ++i) {
      const double there = to[std::size_t(i)];
      if (!(there >= 0 && there < double(n)) || to[std::size_t(there)] != double(i)) return false;
    }
    return true;
  });
}

}  // namespace weft::passes
