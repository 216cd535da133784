// Emits the function of a generated matmul, NAME(buffers, scratch, begin_chunk, end_chunk). Internal to the emitter.
#pragma once

#include <string>

#include "backends/cpu/codegen/code.h"
#include "backends/cpu/codegen/products/matmul_plan.h"

namespace weft::cpu {

void emit_matmul(Code& code, const std::string& name, const MatmulPlan& plan);

// Transposes a square: result i holds number i of each vector. Takes as many vectors as a vector has lanes.
std::vector<LLVMValueRef> transposed(Code& code, std::vector<LLVMValueRef> vectors);

}  // namespace weft::cpu
