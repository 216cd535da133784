// Values that depend on no input, such as masks made of iota, evaluated element by element.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "ir/graph.h"

namespace weft::passes {

class ClosedForm {
 public:
  explicit ClosedForm(const ir::Graph& graph);

  // Whether the value depends only on constants, iota and sizes, through ops that this class can evaluate.
  bool is_closed(ir::ValueId value) const { return closed_[value]; }
  // One element of a closed value under `bindings`.
  double at(ir::ValueId value, const std::vector<std::int64_t>& index, const ir::Bindings& bindings) const;
  // All elements, row-major.
  std::vector<double> all(ir::ValueId value, const ir::Bindings& bindings) const;

 private:
  const ir::Graph& graph_;
  std::vector<bool> closed_;
};

// A matrix [n,n] with one number on the diagonal, one for partners (j = i + n/2 mod n), and one elsewhere: the form of
// masks in contrastive losses.
struct PairPattern {
  double diagonal = 0, partner = 0, elsewhere = 0;
  bool is_uniform() const { return diagonal == elsewhere && partner == elsewhere; }
};

// The pattern of a closed value that broadcasts to [rows,rows], or nothing. Checks all elements for up to 1,024 rows,
// and some on every diagonal and in every row for more. If `rows` is a symbol, it checks several sizes and rejects
// values with integers that are larger than these sizes could reveal. An odd number of rows has no partners; the
// pattern then repeats the number elsewhere.
std::optional<PairPattern> pair_pattern(const ClosedForm& forms, const ir::Graph& graph, ir::ValueId value,
                                        const ir::Dim& rows);

// Whether closed indices i32[n] swap places, so that following them twice leads back: indices[indices[i]] = i. Of a
// symbolic n, as pair_pattern.
bool is_own_inverse(const ClosedForm& forms, const ir::Graph& graph, ir::ValueId indices);

}  // namespace weft::passes
