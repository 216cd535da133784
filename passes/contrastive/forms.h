// What pass contrastive knows of a value: a matrix over all pairs of rows, or a number a row.
#pragma once

#include <map>
#include <optional>

#include "passes/expr.h"
#include "passes/rewriter.h"

namespace weft::passes {

// Of each row: `rest` (none: 0), [n,1] or a single element, plus multiples of row maxima.
struct RowForm {
  std::optional<Expr> rest;
  std::map<ir::ValueId, double> maxima;  // by the reduce_max that makes them

  bool is_closed() const { return maxima.empty(); }
};

RowForm scaled(RowForm a, double factor);
RowForm sum(RowForm a, const RowForm& b);

// constant * factor * z_i.z_j + row_i; z is [n,d].
struct MatrixForm {
  enum class Places { all, off_diagonal, partners };  // where it holds: elsewhere it is dropped, or 0 for partners
  ir::ValueId z = ir::kNone;
  double constant = 1;
  std::optional<Expr> factor;  // a single element that is positive
  RowForm row;
  Places places = Places::all;
  bool exponential = false;  // exp of it
};

// Whether every element is sure to be above 0, if it is a number: what a norm, a temperature or their inverse is.
bool is_positive(const ir::Graph& graph, ir::ValueId value);

// z = r x for each row.
struct ScaledRows {
  Expr x, r;  // [n,d], [n,1]
};

// The rows of a form, in the graph being written, with the square root of |constant * factor| in r:
// s_ij = r_i r_j x_i.x_j.
ScaledRows scaled_rows(const ir::Graph& graph, Rewriter& rewriter, const MatrixForm& form);

}  // namespace weft::passes
