// Finds the exponential in a term, and its maximum exponent.
#include "passes/stabilise/exponentials.h"

#include "passes/stabilise/match.h"

namespace weft::passes {

using ir::OpCode;

namespace {

// The exponent of a masked term: below every other, so that it is never the maximum and its exp is 0. Finite, so that
// no infinity is subtracted from another.
double dropped_exponent(ir::DType dtype) { return dtype == ir::DType::f16 ? -6e4 : -1e30; }

double largest(ir::DType dtype) {
  if (dtype == ir::DType::f16) return 65504;
  return dtype == ir::DType::bf16 ? 0x1.fep127 : 0x1.fffffep127;
}

// A term of a sum as weight * exp(exponent); no weight means 1.
struct Term {
  Expr exponent;
  Result weight;
  bool is_mask = false;  // a weight of 0 or 1 that selects terms
};

// The exponent of exp(x), or of a softmax exp(x) / sum(exp(x)).
Result exponent_of(Expr x) {
  if (const Result exponent = operand_of(x, OpCode::exp)) return exponent;
  const std::vector<Expr> ab = match(x, OpCode::div);
  if (ab.empty()) return {};
  Expr sum = ab[1];
  while (is_moved(sum)) sum = before_move(sum);
  const std::vector<Expr> term = match(sum, OpCode::reduce_sum);
  if (term.empty() || !same(term.front(), ab[0])) return {};
  const Result exponent = operand_of(ab[0], OpCode::exp);
  return exponent ? *exponent - log(ab[1]) : Result();
}

std::optional<Term> exponential_term(Expr x) {
  if (const Result exponent = exponent_of(x)) return Term{*exponent, {}};
  if (const auto ab = match(x, OpCode::mul); !ab.empty()) {
    if (const Result exponent = exponent_of(ab[1])) return Term{*exponent, ab[0]};
    if (const Result exponent = exponent_of(ab[0])) return Term{*exponent, ab[1]};
  }
  if (const auto cab = match(x, OpCode::select); !cab.empty() && is_number(cab[2], 0))
    if (const Result exponent = exponent_of(cab[1])) return Term{*exponent, cast(cab[0], x.dtype()), true};
  return {};
}

// Whether the user or this pass has already subtracted a maximum.
bool is_shifted(Expr exponent) {
  const std::vector<Expr> ab = match(exponent, OpCode::sub);
  if (ab.empty()) return false;
  Expr maximum = ab[1];
  for (;;) {
    std::vector<Expr> inner;
    for (const OpCode code : {OpCode::stop_gradient, OpCode::max, OpCode::min})
      if (inner.empty()) inner = match(maximum, code);
    if (inner.empty() && !is_moved(maximum)) break;
    maximum = inner.empty() ? before_move(maximum) : inner.front();
  }
  return !match(maximum, OpCode::reduce_max).empty();
}

}  // namespace

bool is_nonnegative(Expr x) {
  while (is_moved(x)) x = before_move(x);
  if (is_constant(x, [](double value) { return value >= 0; })) return true;
  if (const Result b = one_minus(x)) {
    const std::vector<Expr> mask = match(*b, OpCode::cast);
    return !match(*b, OpCode::sigmoid).empty() || (!mask.empty() && mask[0].dtype() == ir::DType::boolean);
  }
  const ir::Op* op = producer(x);
  if (!op) return false;
  std::vector<Expr> operands;
  for (const ir::ValueId operand : op->operands) operands.push_back({x.builder, operand});
  if (op->code == OpCode::mul && same(operands[0], operands[1])) return true;
  if (op->code == OpCode::cast && operands[0].dtype() == ir::DType::boolean) return true;
  if (ir::has(op->code, ir::Trait::positive) || ir::has(op->code, ir::Trait::nonnegative)) return true;
  if (op->code == OpCode::select) operands.erase(operands.begin());
  bool of_such = false;
  for (const OpCode code : {OpCode::mul, OpCode::div, OpCode::add, OpCode::select, OpCode::reduce_sum})
    of_such = of_such || op->code == code;
  for (const Expr& operand : operands) of_such = of_such && is_nonnegative(operand);
  return of_such;
}

std::optional<Shifted> shift(Expr term_value, const std::vector<std::int64_t>& axes, Trained& trained) {
  const std::optional<Term> term = exponential_term(term_value);
  if (!term || is_shifted(term->exponent)) return {};
  Expr exponent = broadcast(term->exponent, term_value.dims());
  // Terms that a mask or fixed weight drops must not determine the maximum.
  if (term->weight && !is_constant(*term->weight, [](double value) { return value != 0; }) &&
      (term->is_mask || !trained.contains(*term->weight)))
    exponent = select(ne(*term->weight, 0), exponent, scalar_like(exponent, dropped_exponent(exponent.dtype())));
  // A row of -inf sums to 0, a row with inf to inf: clamp the maximum, because inf - inf is NaN.
  const double bound = largest(exponent.dtype());
  const Expr maximum = stop_gradient(min(max(reduce_max(exponent, axes), -bound), bound));
  const Expr value = exp(exponent - maximum);
  return Shifted{maximum, term->weight ? *term->weight * value : value};
}

}  // namespace weft::passes
