// Graphs of a single op, made from the op table: what every elementwise op must bear, no test needs to list.
#pragma once

#include "ir/builder.h"

namespace weft::test {

// The codes of the elementwise ops, casts aside, which need a written type.
inline std::vector<ir::OpCode> elementwise_ops() {
  std::vector<ir::OpCode> codes;
  for (std::size_t i = 0; i < ir::op_table().size(); ++i)
    if (ir::is_elementwise(ir::OpCode(i)) && !ir::has(ir::OpCode(i), ir::Trait::typed)) codes.push_back(ir::OpCode(i));
  return codes;
}

// y = op(x0, ..) over B x 3 elements of a dtype that the op takes.
inline ir::Graph graph_of_elementwise(ir::OpCode code) {
  const ir::OpInfo& row = ir::info(code);
  ir::Builder builder("one");
  std::vector<ir::ValueId> operands;
  for (int i = 0; i < row.max_arity; ++i) {
    const bool truth = row.takes == ir::Takes::bools || (row.takes == ir::Takes::choice && i == 0);
    const ir::DType dtype = truth ? ir::DType::boolean : ir::DType::f32;
    operands.push_back(builder.input("x" + std::to_string(i), {dtype, {ir::Dim("B"), 3}}));
  }
  builder.output("y", builder.create(code, operands));
  return builder.take();
}

}  // namespace weft::test
