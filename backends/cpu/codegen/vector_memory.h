// Vectors between registers and memory: dtypes, strides, masks and gathers. Internal to the emitter.
#pragma once

#include "backends/cpu/codegen/code.h"
#include "ir/type.h"

namespace weft::cpu {

// The type of an element in memory.
LLVMTypeRef memory_type(const Code& code, ir::DType dtype);
// Converts `vector` from its memory representation to the working kind, and back; `value` is already rounded.
Value from_memory(Code& code, LLVMValueRef vector, ir::DType dtype);
LLVMValueRef to_memory(Code& code, const Value& value, ir::DType dtype);

// Lane i is at `place` + i * stride elements; stride 0 reads one element for all lanes. `mask`: the valid lanes, null
// for all. `align`: of an element, in bytes.
LLVMValueRef load_vector(Code& code, LLVMTypeRef element, LLVMValueRef place, std::int64_t stride, LLVMValueRef mask,
                         unsigned align);
void store_vector(Code& code, LLVMValueRef vector, LLVMValueRef place, std::int64_t stride, LLVMValueRef mask,
                  unsigned align);

// Lane i is at `base` + offsets[i] elements; offsets are i32 if all elements are less than 2^31 bytes from `base`, else
// i64.
LLVMValueRef gather(Code& code, LLVMTypeRef element, LLVMValueRef base, const Value& offsets, LLVMValueRef mask,
                    unsigned align);

}  // namespace weft::cpu
