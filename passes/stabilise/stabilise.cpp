// Rewrites naive forms that overflow or lose digits to stable ones.
//
// Two ideas carry most of it. `log_of` takes the logarithm of an expression with an exponential part by part, so that
// no exp remains under a log. `shift` subtracts the maximum exponent from a sum of exponentials, under a logarithm or
// in a quotient.
//
// Every rule keeps NaN, and every result that is a number in exact arithmetic, at infinite operands too. Where the
// original form gives NaN or an infinity only because an intermediate value overflows or 0 is multiplied by an
// infinity, the rule gives the limit. A term with weight 0 or a masked term counts as 0 for any exponent; x * log(x /
// a) is 0 at x = 0 for any a.
#include <map>
#include <set>

#include "passes/passes.h"
#include "passes/rewriter.h"
#include "passes/stabilise/exponentials.h"
#include "passes/stabilise/match.h"

namespace weft::passes {

namespace {

using ir::Attr;
using ir::OpCode;

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
  // Returns a rule's result and adds a note.
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

  // log(w) for a w with an exponential factor, which is positive: the other factors must be positive too. Visits each
  // value once, however many products share it.
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

  // log(a * b) or log(a / b) if one of them contains an exponential. The product of two negative factors has a
  // logarithm, the factors have none.
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

  // exp(x) / sum(exp(x)), possibly weighted or masked; the sum may be reshaped or broadcast.
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

  // If `factor` is log(x), log(x / a) or a sum or difference with one, replaces it by log(1) where x is 0: then x times
  // it is 0, in value and in gradient.
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
  ir::Location location_;  // of the op to replace
  Trained trained_;
  std::set<ir::ValueId> has_no_log_;         // values without an exponential for log_of
  std::map<ir::ValueId, Expr> log_of_;       // results of log_of for this op
  std::set<ir::ValueId> has_no_log_beside_;  // values without a result of log_beside for this op
};

}  // namespace

GraphPtr stabilise(const GraphPtr& graph, Context& context) {
  const std::size_t notes_before = context.notes.size();
  Stabiliser stabiliser(context);
  const GraphPtr result =
      rewrite(graph, [&](const ir::Op& op, Rewriter& rewriter) { return stabiliser.replacement(op, rewriter); });
  if (context.notes.size() == notes_before) return graph;  // every rule adds a note
  return dce(result, context);                             // removes the naive forms
}

}  // namespace weft::passes
