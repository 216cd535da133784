// The steps of reductions, and the prologue of every emitted function.
#include <limits>

#include "backends/cpu/codegen/kernel.h"

namespace weft::cpu {

LLVMValueRef begin_function(Code& code, const std::string& name, const std::vector<LLVMTypeRef>& parameters) {
  std::vector<LLVMTypeRef> types = parameters;
  LLVMTypeRef type = LLVMFunctionType(code.nothing, types.data(), unsigned(types.size()), 0);
  LLVMValueRef function = LLVMAddFunction(code.module, name.c_str(), type);
  const auto attribute = [&](const std::string& key, const std::string& value) {
    LLVMAddAttributeAtIndex(function, LLVMAttributeIndex(LLVMAttributeFunctionIndex),
                            LLVMCreateStringAttribute(code.context, key.data(), unsigned(key.size()), value.data(),
                                                      unsigned(value.size())));
  };
  attribute("target-cpu", code.target.cpu);
  attribute("target-features", code.target.features);
  if (code.target.avx512) attribute("prefer-vector-width", "512");
  const std::string nounwind = "nounwind";
  LLVMAddAttributeAtIndex(
      function, LLVMAttributeIndex(LLVMAttributeFunctionIndex),
      LLVMCreateEnumAttribute(code.context, LLVMGetEnumAttributeKindForName(nounwind.data(), nounwind.size()), 0));
  LLVMPositionBuilderAtEnd(code.builder, LLVMAppendBasicBlockInContext(code.context, function, "entry"));
  return function;
}

Value neutral(Code& code, ir::OpCode reduce, Kind kind) {
  if (reduce == ir::OpCode::reduce_sum) return {code, code.splat_number(kind, 0)};
  const double least =
      kind == Kind::f32 ? -std::numeric_limits<double>::infinity() : double(std::numeric_limits<std::int32_t>::min());
  return {code, code.splat_number(kind, least)};
}

Value combine(ir::OpCode reduce, const Value& a, const Value& b) {
  if (reduce == ir::OpCode::reduce_sum) return a + b;
  const Value larger = choose(lt(a, b), b, a);  // one instruction, which keeps a NaN in a
  return a.kind() == Kind::f32 ? choose(eq(b, b), larger, b) : larger;
}

LLVMValueRef first_lane(const Value& vector) {
  return LLVMBuildExtractElement(vector.code().builder, vector.llvm(), vector.code().number(0), "");
}

LLVMValueRef across_lanes(ir::OpCode reduce, const Value& vector) {
  Code& code = vector.code();
  Value all = vector;
  for (int half = code.width / 2; half > 0; half /= 2) {
    std::vector<LLVMValueRef> lanes;
    for (int i = 0; i < code.width; ++i)
      lanes.push_back(i < half ? LLVMConstInt(code.i32, static_cast<unsigned long long>(i + half), 0)
                               : LLVMGetPoison(code.i32));
    LLVMValueRef mask = LLVMConstVector(lanes.data(), unsigned(code.width));
    const Value upper(
        code, LLVMBuildShuffleVector(code.builder, all.llvm(), LLVMGetPoison(LLVMTypeOf(all.llvm())), mask, ""));
    all = combine(reduce, all, upper);
  }
  return first_lane(all);
}

}  // namespace weft::cpu
