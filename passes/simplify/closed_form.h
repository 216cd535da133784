// Values that depend on no input, such as masks made of iota: what they are, element by element.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "ir/graph.h"

namespace weft::passes {

class ClosedForm {
 public:
  explicit ClosedForm(const ir::Graph& graph);

  // Whether the value follows from constants, iota and sizes alone, by ops this class can evaluate.
  bool is_closed(ir::ValueId value) const { return closed_[value]; }
  // The element at `index`, of a closed value, under `bindings`.
  double at(ir::ValueId value, const std::vector<std::int64_t>& index, const ir::Bindings& bindings) const;
  // All elements, row-major.
  std::vector<double> all(ir::ValueId value, const ir::Bindings& bindings) const;

 private:
  const ir::Graph& graph_;
  std::vector<bool> closed_;
};

// A matrix [n,n] that holds one number on the diagonal, one where row and column are partners (j = i + n/2 mod n), and
// one elsewhere: how the masks of contrastive losses look.
struct PairPattern {
  double diagonal = 0, partner = 0, elsewhere = 0;
  bool is_uniform() const { return diagonal == elsewhere && partner == elsewhere; }
};

// The pattern of a closed value that broadcasts to [rows,rows], or nothing. All elements of up to 1,024 rows are looked
// at, of more rows some on every diagonal and in every row. Where `rows` is a symbol this is done for several sizes,
// and whole numbers in the value that are larger than those could hide decide against it. For an odd number of rows
// there are no partners, and that number is the one elsewhere.
std::optional<PairPattern> pair_pattern(const ClosedForm& forms, const ir::Graph& graph, ir::ValueId value,
                                        const ir::Dim& rows);

}  // namespace weft::passes
