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

// Adds a function with the attributes that all kernels have; the builder points to its entry block.
LLVMValueRef begin_function(Code& code, const std::string& name, const std::vector<LLVMTypeRef>& parameters);

// A reduction's neutral number, and its step.
Value neutral(Code& code, ir::OpCode reduce, Kind kind);
Value combine(ir::OpCode reduce, const Value& a, const Value& b);
LLVMValueRef first_lane(const Value& vector);
// Reduces all lanes of a vector to a scalar, in a fixed tree.
LLVMValueRef across_lanes(ir::OpCode reduce, const Value& vector);

}  // namespace weft::cpu
