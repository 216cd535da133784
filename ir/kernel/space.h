// The iteration space of a fused body: its sizes, live values, row reductions, and the map of each value.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "ir/kernel/kernel.h"
#include "ir/kernel/lower.h"
#include "ir/kernel/region.h"

namespace weft::kernel {

// Throws InternalError with the name of the body.
[[noreturn]] void reject(const ir::Graph& body, const std::string& what);

class Space {
 public:
  explicit Space(const ir::Graph& body);

  const std::vector<std::int64_t>& sizes() const { return sizes_; }
  int rank() const { return int(sizes_.size()); }
  // Whether an output needs the op's result at each point; other ops are evaluated where they are read.
  bool is_live(ir::OpId op) const { return live_[op]; }
  DimSet row() const { return row_; }  // the axes of the row reductions
  bool is_row_reduce(ir::OpId op) const { return row_reduce_[op]; }

  DimSet dims() const;                      // dims of more than one element
  DimSet extents(ir::ValueId value) const;  // dims along which the value's type has more than one element
  DimSet reduced(const ir::Op& op) const;   // dims that a reduce actually sums over
  // Dim 0 of the value is this dim of the space.
  int lead(ir::ValueId value) const { return rank() - int(body_.type(value).rank()); }
  Map map(ir::ValueId value, const Strides& given) const;  // empty strides: row-major

 private:
  void adopt_row();
  void promote();
  void widen(ir::ValueId value);
  std::int64_t count(DimSet dims) const;

  const ir::Graph& body_;
  std::vector<bool> live_;
  std::vector<std::int64_t> sizes_;
  DimSet row_ = 0;
  std::vector<bool> row_reduce_;
};

}  // namespace weft::kernel
