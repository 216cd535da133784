// Emits the two functions of a kernel. Internal to the emitter.
#pragma once

#include "backends/cpu/codegen/code.h"
#include "backends/cpu/codegen/plan.h"
#include "ir/kernel/kernel.h"

namespace weft::cpu {

// NAME(buffers, scratch, begin_chunk, end_chunk)
void emit_run(Code& code, const kernel::Kernel& kernel, const Plan& plan);
// NAME_finish(buffers, scratch), where has_finish
void emit_finish(Code& code, const kernel::Kernel& kernel, const Plan& plan);
bool has_finish(const kernel::Kernel& kernel);

// A function of the module with the attributes that all kernels have; the builder stands in its entry block.
LLVMValueRef begin_function(Code& code, const std::string& name, const std::vector<LLVMTypeRef>& parameters);

// The neutral number of a reduction, and its step.
Value neutral(Code& code, ir::OpCode reduce, Kind kind);
Value combine(ir::OpCode reduce, const Value& a, const Value& b);
LLVMValueRef first_lane(const Value& vector);
// All lanes of a vector, in a fixed tree; a scalar.
LLVMValueRef across_lanes(ir::OpCode reduce, const Value& vector);

}  // namespace weft::cpu
