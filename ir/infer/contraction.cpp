// Type rules of matmul and of the similarities between a matrix's rows.
#include "ir/contraction.h"

#include <algorithm>

#include "ir/error.h"
#include "ir/infer/rules.h"

namespace weft::ir {

Type infer_matmul(const Types& x, const Attrs& attrs, const Type& written) {
  need_same_dtype({x[0], x[1]});
  const bool transpose_a = attrs.integer(Attr::transpose_a) != 0;
  const bool transpose_b = attrs.integer(Attr::transpose_b) != 0;
  const std::size_t rank = x[0].rank();
  if (rank < 2 || x[1].rank() != rank)
    fail("multiplies matrices of 2 dims, or as many with equal leading dims, got {} x {}", to_string(x[0]),
         to_string(x[1]));
  Type result{x[0].dtype, {x[0].dims.begin(), x[0].dims.end() - 2}};
  if (!std::equal(result.dims.begin(), result.dims.end(), x[1].dims.begin()))
    fail("leading dims differ: {} x {}", to_string(x[0]), to_string(x[1]));
  if (rank > 2 && x.size() > 2) fail("takes a bias only for matrices of 2 dims, got {}", to_string(x[0]));
  const std::size_t row = rank - 2, column = rank - 1;
  const Dim& a_inner = x[0].dims[transpose_a ? row : column];
  const Dim& b_inner = x[1].dims[transpose_b ? column : row];
  if (a_inner != b_inner)
    fail("inner dimensions differ: {}{} x {}{}", to_string(x[0]), transpose_a ? " transposed" : "", to_string(x[1]),
         transpose_b ? " transposed" : "");
  result.dims.push_back(x[0].dims[transpose_a ? column : row]);
  result.dims.push_back(x[1].dims[transpose_b ? row : column]);
  if (written == Type{DType::f32, result.dims}) result.dtype = DType::f32;
  check_bias(x, result);
  return result;
}

namespace {

void check_rows(const Type& x) {
  if (x.rank() != 2) fail("compares the rows of a matrix [n,d], got {}", to_string(x));
  if (x.dims[0].is_one()) fail("compares each row with the others, and needs at least 2; got {}", to_string(x));
}

// Rows x [n,d], `columns` operands with one value per row, [n,1], and perhaps the tiles of x.
Type check_similarity(const Types& x, std::size_t columns) {
  check_rows(x[0]);
  const Type column{x[0].dtype, {x[0].dims[0], 1}};
  for (std::size_t i = 1; i <= columns; ++i)
    if (x[i] != column)
      fail("rows {} need {} beside them, got {}", to_string(x[0]), to_string(column), to_string(x[i]));
  if (x.size() > columns + 1) check_similarity_tiles(x[0], x[columns + 1]);
  return column;
}

}  // namespace

Type infer_similarity_lse(const Types& x) { return check_similarity(x, 1); }

Type infer_similarity_lse_grad(const Types& x) {
  check_similarity(x, 3);
  return x[0];
}

void check_similarity_tiles(const Type& x, const Type& written) {
  check_rows(x);
  const bool numbered = x.dims[0].is_number() && written.rank() == 3 && written.dims[1].is_number();
  if (numbered && written == similarity_tiles_type(x, written.dims[1].factor)) return;
  fail("the tiles of rows {} are [m(m+1)/2,T,T] of {}, m = n/T rounded up and n a number; got {}", to_string(x),
       name(x.dtype), to_string(written));
}

}  // namespace weft::ir
