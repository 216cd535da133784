// Places outputs of random bodies in the memory of inputs, as the memory plan does.
#pragma once

#include <memory>
#include <set>

#include "passes/plan/placement.h"
#include "tests/support/strided_view.h"

namespace weft::test {

// Places each output in the first input that the plan lets it overwrite and that no other output uses.
inline void put_in_place(const ir::Graph& body, Layouts& layouts) {
  ir::Op fused;
  fused.code = ir::OpCode::fused;
  fused.body = std::make_shared<const ir::Graph>(body);
  std::set<std::uint32_t> taken;
  for (std::size_t output = 0; output < body.outputs.size(); ++output)
    for (std::uint32_t input = 0; input < body.inputs.size(); ++input) {
      if (body.type(body.inputs[input].value) != body.type(body.outputs[output].value)) continue;
      if (!passes::reads_in_place(fused, input) || !taken.insert(input).second) continue;
      layouts.in_place.emplace_back(int(output), int(input));
      if (!layouts.inputs.empty()) layouts.outputs[output] = layouts.inputs[input];
      break;
    }
}

}  // namespace weft::test
