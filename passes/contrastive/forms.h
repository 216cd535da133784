// What pass contrastive knows about a value: a matrix over all pairs of rows, or one number per row.
#pragma once

#include <map>
#include <optional>

#include "passes/expr.h"
#include "passes/rewriter.h"

namespace weft::passes {

// Per row: `rest` (none means 0), [n,1] or a single element, plus multiples of row maxima.
struct RowForm {
  std::optional<Expr> rest;
  std::map<ir::ValueId, double> maxima;  // by the reduce_max that computes them

  bool is_closed() const { return maxima.empty(); }
};

RowForm scaled(RowForm a, double factor);
RowForm sum(RowForm a, const RowForm& b);

// constant * factor * z_i.z_j + row_i; z is [n,d].
struct MatrixForm {
  enum class Places { all, off_diagonal, partners };  // elements elsewhere are dropped, or 0 for partners
  ir::ValueId z = ir::kNone;
  double constant = 1;
  std::optional<Expr> factor;  // a positive scalar
  RowForm row;
  Places places = Places::all;
  bool exponential = false;  // whether exp is applied
};

// Whether every element is provably above 0 or NaN, such as a norm, a temperature or their inverse.
bool is_positive(const ir::Graph& graph, ir::ValueId value);

// z = r x for each row.
struct ScaledRows {
  Expr x, r;  // [n,d], [n,1]
};

// The rows of a form in the new graph, with the square root of |constant * factor| in r: s_ij = r_i r_j x_i.x_j.
ScaledRows scaled_rows(const ir::Graph& graph, Rewriter& rewriter, const MatrixForm& form);

}  // namespace weft::passes
