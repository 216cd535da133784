// Emits the function of a generated product, NAME(buffers, scratch, begin_chunk, end_chunk). Internal to the emitter.
#pragma once

#include <string>

#include "backends/cpu/codegen/code.h"
#include "backends/cpu/codegen/matmul_plan.h"

namespace weft::cpu {

void emit_matmul(Code& code, const std::string& name, const MatmulPlan& plan);

// Number i of each vector becomes lane i of the results: as many vectors as there are lanes.
std::vector<LLVMValueRef> transposed(Code& code, std::vector<LLVMValueRef> vectors);

}  // namespace weft::cpu
