// What a person writes naively and what overflows, or loses all digits, becomes the form that does not.
//
// Two ideas carry most of it. The logarithm of whatever contains an exponential is taken of its parts (`log_of`), so
// that exp never stands alone under log. And a sum of exponentials, under a logarithm or in a quotient, has its largest
// exponent taken out first (`shift`).
//
// What every rule keeps: NaN for NaN, and every result that is a number in exact arithmetic, at infinite operands too.
// What they change: where the form as written gives NaN or an infinity only because a number between overflowed, or 0
// times an infinity came up, the limit stands instead; a term whose weight is 0, or that a mask drops, counts as
// nothing whatever its exponent; x * log(x / a) is 0 where x is 0, whatever a.
#include <map>
#include <set>

#include "passes/passes.h"
#include "passes/rewriter.h"

namespace weft::passes {

namespace {

using ir::Attr;
using ir::OpCode;
using Result = std::optional<Expr>;

// The exponent of a term that a mask drops: below every other, so that it is never the largest, and exp gives 0 beside
// any other. Finite, so that no infinity is ever subtracted from another.
double dropped_exponent(ir::DType dtype) { return dtype == ir::DType::f16 ? -6e4 : -1e30; }

double largest(ir::DType dtype) {
  if (dtype == ir::DType::f16) return 65504;
  return dtype == ir::DType::bf16 ? 0x1.fep127 : 0x1.fffffep127;
}

const ir::Op* producer(Expr x) { return x.builder->graph().producer(x.id); }

// The operands of x where `code` makes it, else nothing.
std::vector<Expr> match(Expr x, OpCode code) {
  const ir::Op* op = producer(x);
  std::vector<Expr> operands;
  if (op && op->code == code)
    for (const ir::ValueId operand : op->operands) operands.push_back({x.builder, operand});
  return operands;
}

// Whether x is elements of one other value, in other places.
bool is_moved(Expr x) {
  const ir::Op* op = producer(x);
  return op && (op->code == OpCode::reshape || op->code == OpCode::broadcast || op->code == OpCode::transpose ||
                op->code == OpCode::slice);
}
Expr before_move(Expr x) { return {x.builder, producer(x)->operands.front()}; }
// `inner` moved as `x` was.
Expr move_like(Expr x, Expr inner) {
  const ir::Op op = *producer(x);  // by value: the builder's ops move as it grows
  std::optional<ir::Type> written;
  if (ir::info(op.code).typed) written = ir::Type{inner.dtype(), x.dims()};
  return apply(op.code, {inner}, op.attrs, written);
}

// A constant whose numbers all fulfil `condition`.
template <typename Condition>
bool is_constant(Expr x, Condition condition) {
  while (is_moved(x)) x = before_move(x);
  const ir::Op* op = producer(x);
  if (!op || op->code != OpCode::constant) return false;
  for (const double value : op->attrs.numbers(Attr::values))
    if (!condition(value)) return false;
  return true;
}
bool is_number(Expr x, double number) {
  return is_constant(x, [=](double value) { return value == number; });
}

// The other operand of a sum or product with the constant `number`.
Result beside(Expr x, OpCode code, double number) {
  const std::vector<Expr> ab = match(x, code);
  if (ab.empty()) return {};
  if (is_number(ab[0], number)) return ab[1];
  if (is_number(ab[1], number)) return ab[0];
  return {};
}

// b of 1 - b.
Result one_minus(Expr x) {
  const std::vector<Expr> ab = match(x, OpCode::sub);
  if (ab.empty() || !is_number(ab[0], 1)) return {};
  return ab[1];
}

// The operand of the op of one operand that makes x, moved as x was.
Result operand_of(Expr x, OpCode code) {
  if (is_moved(x)) {
    const Result inner = operand_of(before_move(x), code);
    return inner ? move_like(x, *inner) : Result();
  }
  const std::vector<Expr> operands = match(x, code);
  return operands.empty() ? Result() : operands.front();
}

bool same(Expr a, Expr b) { return a.id == b.id; }

// Whether x = 1 + y, written so or as 1 - (-y).
bool is_one_plus(Expr x, Expr y) {
  if (const Result other = beside(x, OpCode::add, 1)) return same(*other, y);
  const Result minus_y = one_minus(x);
  if (!minus_y) return false;
  const std::vector<Expr> z = match(y, OpCode::neg), w = match(*minus_y, OpCode::neg);
  return (!z.empty() && same(z[0], *minus_y)) || (!w.empty() && same(w[0], y));
}

Expr negated(Expr x) {
  const Result inner = operand_of(x, OpCode::neg);
  return inner ? *inner : -x;
}

// Which values of a growing graph a param flows into.
class Trained {
 public:
  bool contains(Expr x) {
    const ir::Graph& graph = x.builder->graph();
    const bool is_new = is_trained_.empty();
    is_trained_.resize(graph.values.size(), false);
    for (const ir::Input& input : graph.inputs)
      if (is_new && input.role == ir::Role::param) is_trained_[input.value] = true;
    for (; next_ < graph.ops.size(); ++next_)
      for (const ir::ValueId operand : graph.ops[next_].operands)
        if (is_trained_[operand])
          for (const ir::ValueId result : graph.ops[next_].results) is_trained_[result] = true;
    return is_trained_[x.id];
  }

 private:
  std::vector<bool> is_trained_;  // by value
  std::size_t next_ = 0;          // op to look at
};

// A term of a sum as weight * exp(exponent), weight absent for 1.
struct Term {
  Expr exponent;
  Result weight;
  bool is_mask = false;  // the weight says which terms count, and is 0 or 1
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

// Whether x is at least 0 by its form, or NaN: exponentials, masks, and what is made of them without a sign.
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
  for (const OpCode code : {OpCode::exp, OpCode::sigmoid, OpCode::softplus, OpCode::relu, OpCode::abs, OpCode::sqrt})
    if (op->code == code) return true;
  if (op->code == OpCode::select) operands.erase(operands.begin());
  bool of_such = false;
  for (const OpCode code : {OpCode::mul, OpCode::div, OpCode::add, OpCode::select, OpCode::reduce_sum})
    of_such = of_such || op->code == code;
  for (const Expr& operand : operands) of_such = of_such && is_nonnegative(operand);
  return of_such;
}

// Already relative to a maximum, by hand or by this pass.
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

// term = exp(maximum) * value along `axes`, where no exponent in `value` is above 0.
struct Shifted {
  Expr maximum;
  Expr value;
};

std::optional<Shifted> shift(Expr term_value, const std::vector<std::int64_t>& axes, Trained& trained) {
  const std::optional<Term> term = exponential_term(term_value);
  if (!term || is_shifted(term->exponent)) return {};
  Expr exponent = broadcast(term->exponent, term_value.dims());
  // Where a mask or a fixed weight drops terms, what it drops must not be the maximum either.
  if (term->weight && !is_constant(*term->weight, [](double value) { return value != 0; }) &&
      (term->is_mask || !trained.contains(*term->weight)))
    exponent = select(ne(*term->weight, 0), exponent, scalar_like(exponent, dropped_exponent(exponent.dtype())));
  // A row of -inf has a sum of 0, one with inf a sum of inf: their maximum must be finite, for inf - inf is NaN.
  const double bound = largest(exponent.dtype());
  const Expr maximum = stop_gradient(min(max(reduce_max(exponent, axes), -bound), bound));
  const Expr value = exp(exponent - maximum);
  return Shifted{maximum, term->weight ? *term->weight * value : value};
}

class Stabiliser {
 public:
  explicit Stabiliser(Context& context) : context_(context) {}

  Result replacement(const ir::Op& op, Rewriter& rewriter) {
    location_ = op.location;
    log_of_.clear();
    const Result result = rewritten(op.code, rewriter[op.operands]);
    if (!result) return {};
    return broadcast(*result, rewriter.source().type(op.results.front()).dims);
  }

 private:
  // Passes the result of a rule on, with a note.
  Expr noted(const char* text, Expr result) {
    context_.notes.push_back({"stabilise", location_, text});
    return result;
  }

  Result rewritten(OpCode code, const std::vector<Expr>& x) {
    if (code == OpCode::log) return log_rules(x[0]);
    if (code == OpCode::log1p) return log1p_rules(x[0]);
    if (code == OpCode::add) return add_rules(x[0], x[1]);
    if (code == OpCode::sub) return sub_rules(x[0], x[1]);
    if (code == OpCode::div) return div_rules(x[0], x[1]);
    if (code == OpCode::mul) return mul_rules(x[0], x[1]);
    return {};
  }

  Result log_rules(Expr w) {
    if (const Result result = log_of(w)) return result;
    if (const Result x = one_minus(w)) return noted("log(1 - x) -> log1p(-x)", log1p(negated(*x)));
    if (const Result x = beside(w, OpCode::add, 1)) {
      const Result result = log1p_rules(*x);
      return result ? *result : noted("log(1 + x) -> log1p(x)", log1p(*x));
    }
    return {};
  }

  // log(w) of a w that contains an exponential, which is positive: so what it is multiplied with must be positive too.
  // Each value is looked at once, however many products share it.
  Result log_of(Expr w) {
    if (has_no_log_.count(w.id) != 0) return {};
    if (const auto found = log_of_.find(w.id); found != log_of_.end()) return found->second;
    const Result result = find_log_of(w);
    if (result)
      log_of_.emplace(w.id, *result);
    else
      has_no_log_.insert(w.id);
    return result;
  }

  Result find_log_of(Expr w) {
    if (const Result x = operand_of(w, OpCode::exp)) return noted("log(exp(x)) -> x", *x);
    if (const Result x = operand_of(w, OpCode::sigmoid))
      return noted("log(sigmoid(x)) -> -softplus(-x)", -softplus(negated(*x)));
    if (const Result s = one_minus(w))
      if (const Result x = operand_of(*s, OpCode::sigmoid))
        return noted("log(1 - sigmoid(x)) -> -softplus(x)", -softplus(*x));
    if (const Result e = beside(w, OpCode::add, 1))
      if (const Result x = operand_of(*e, OpCode::exp)) return noted("log(1 + exp(x)) -> softplus(x)", softplus(*x));
    if (is_moved(w)) {
      const Expr inner = before_move(w);
      const Result log_inner = log_of(inner);
      return log_inner ? move_like(w, broadcast(*log_inner, inner.dims())) : Result();
    }
    if (const auto term = match(w, OpCode::reduce_sum); !term.empty()) return log_of_sum(term.front(), w);
    if (const auto ab = match(w, OpCode::mul); !ab.empty()) return log_of_parts(ab, 1);
    if (const auto ab = match(w, OpCode::div); !ab.empty()) return log_of_parts(ab, -1);
    return {};
  }

  Result log_of_sum(Expr term, Expr sum) {
    const std::vector<std::int64_t> axes = producer(sum)->attrs.integers(Attr::axes);
    const std::optional<Shifted> shifted = shift(term, axes, trained_);
    if (!shifted) return {};
    return noted("log(sum(exp(x))) -> max(x) + log(sum(exp(x - max(x))))",
                 shifted->maximum + log(reduce_sum(shifted->value, axes)));
  }

  // log(a * b) or log(a / b), where one of them contains an exponential. Two negative ones would have a logarithm
  // together, but none apart.
  Result log_of_parts(const std::vector<Expr>& ab, int sign) {
    if (!is_nonnegative(ab[0]) && !is_nonnegative(ab[1])) return {};
    const Result log_a = log_of(ab[0]), log_b = log_of(ab[1]);
    if (!log_a && !log_b) return {};
    const Expr a = log_a ? *log_a : log(ab[0]), b = log_b ? *log_b : log(ab[1]);
    return sign > 0 ? noted("log(a * exp(x)) -> log(a) + x", a + b) : noted("log(exp(x) / a) -> x - log(a)", a - b);
  }

  Result add_rules(Expr a, Expr b) {
    const Result e = is_number(b, -1) ? a : is_number(a, -1) ? b : Result();
    const Result x = e ? operand_of(*e, OpCode::exp) : Result();
    return x ? noted("exp(x) - 1 -> expm1(x)", expm1(*x)) : Result();
  }

  Result sub_rules(Expr a, Expr b) {
    if (is_number(b, 1))
      if (const Result x = operand_of(a, OpCode::exp)) return noted("exp(x) - 1 -> expm1(x)", expm1(*x));
    if (is_number(a, 1))
      if (const Result x = operand_of(b, OpCode::exp)) return noted("1 - exp(x) -> -expm1(x)", -expm1(*x));
    return {};
  }

  Result div_rules(Expr a, Expr b) {
    if (const Result e = beside(b, OpCode::add, 1)) {
      if (const Result x = operand_of(*e, OpCode::exp)) {
        if (is_number(a, 1)) return noted("1 / (1 + exp(-x)) -> sigmoid(x)", sigmoid(negated(*x)));
        if (same(a, *e)) return noted("exp(x) / (1 + exp(x)) -> sigmoid(x)", sigmoid(*x));
      }
    }
    return softmax_rule(a, b);
  }

  // exp(x) / sum(exp(x)), weighted or masked or neither; the sum may have been moved to where it broadcasts.
  Result softmax_rule(Expr a, Expr b) {
    std::vector<Expr> moves;
    for (; is_moved(b); b = before_move(b)) moves.push_back(b);
    const std::vector<Expr> term = match(b, OpCode::reduce_sum);
    if (term.empty() || !same(term.front(), a)) return {};
    const std::vector<std::int64_t> axes = producer(b)->attrs.integers(Attr::axes);
    const std::optional<Shifted> shifted = shift(a, axes, trained_);
    if (!shifted) return {};
    Expr sum = reduce_sum(shifted->value, axes);
    for (std::size_t i = moves.size(); i-- > 0;) sum = move_like(moves[i], sum);
    return noted("exp(x) / sum(exp(x)) -> exp(x - max(x)) / sum(exp(x - max(x)))", shifted->value / sum);
  }

  Result log1p_rules(Expr w) {
    if (const Result x = operand_of(w, OpCode::exp)) return noted("log1p(exp(x)) -> softplus(x)", softplus(*x));
    if (const Result s = operand_of(w, OpCode::neg))
      if (const Result x = operand_of(*s, OpCode::sigmoid))
        return noted("log1p(-sigmoid(x)) -> -softplus(x)", -softplus(*x));
    return {};
  }

  Result mul_rules(Expr a, Expr b) {
    const Result log_b = log_beside_all(a, b), log_a = log_b ? Result() : log_beside_all(b, a);
    if (!log_a && !log_b) return {};
    return noted("x * log(x) -> 0 where x is 0", log_b ? a * *log_b : *log_a * b);
  }

  Result log_beside_all(Expr x, Expr factor) {
    has_no_log_beside_.clear();
    return log_beside(x, factor);
  }

  // `factor`, if it is log(x), log(x / a) or a sum or difference with one, with log(1) in its place where x is 0: x
  // times it is then 0, in value and in gradient.
  Result log_beside(Expr x, Expr factor) {
    if (has_no_log_beside_.count(factor.id) != 0) return {};
    const Result result = find_log_beside(x, factor);
    if (!result) has_no_log_beside_.insert(factor.id);
    return result;
  }

  Result find_log_beside(Expr x, Expr factor) {
    for (const OpCode code : {OpCode::add, OpCode::sub}) {
      const std::vector<Expr> ab = match(factor, code);
      if (ab.empty()) continue;
      if (const Result a = log_beside(x, ab[0])) return apply(code, {*a, ab[1]});
      if (const Result b = log_beside(x, ab[1])) return apply(code, {ab[0], *b});
    }
    if (const auto w = match(factor, OpCode::log); !w.empty()) {
      const std::vector<Expr> quotient = match(w[0], OpCode::div);
      if (same(w[0], x) || (!quotient.empty() && same(quotient[0], x)))
        return log(select(eq(x, 0), scalar_like(x, 1), w[0]));
    }
    if (const auto w = match(factor, OpCode::log1p); !w.empty() && is_one_plus(x, w[0]))
      return log1p(select(eq(x, 0), scalar_like(x, 0), w[0]));
    return {};
  }

  Context& context_;
  ir::Location location_;  // of the op that may be replaced
  Trained trained_;
  std::set<ir::ValueId> has_no_log_;         // values that log_of did not find an exponential in
  std::map<ir::ValueId, Expr> log_of_;       // what it found, for this op
  std::set<ir::ValueId> has_no_log_beside_;  // values that log_beside found nothing in, for this op
};

}  // namespace

GraphPtr stabilise(const GraphPtr& graph, Context& context) {
  const std::size_t notes_before = context.notes.size();
  Stabiliser stabiliser(context);
  const GraphPtr result =
      rewrite(graph, [&](const ir::Op& op, Rewriter& rewriter) { return stabiliser.replacement(op, rewriter); });
  if (context.notes.size() == notes_before) return graph;  // every rule leaves a note
  return dce(result, context);                             // the naive forms that nothing needs any more
}

}  // namespace weft::passes
