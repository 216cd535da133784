// Vector instructions through LLVM's C interface (its C++ headers cost ten seconds per file).
#include "backends/cpu/codegen/code.h"

#include <cmath>

#include "ir/error.h"

namespace weft::cpu {

Code::Code(LLVMContextRef llvm_context, LLVMModuleRef llvm_module, const MachineTarget& machine)
    : target(machine),
      width(machine.vector_width),
      context(llvm_context),
      module(llvm_module),
      builder(LLVMCreateBuilderInContext(llvm_context)),
      f32(LLVMFloatTypeInContext(llvm_context)),
      f64(LLVMDoubleTypeInContext(llvm_context)),
      i8(LLVMInt8TypeInContext(llvm_context)),
      i16(LLVMInt16TypeInContext(llvm_context)),
      i32(LLVMInt32TypeInContext(llvm_context)),
      i64(LLVMInt64TypeInContext(llvm_context)),
      i1(LLVMInt1TypeInContext(llvm_context)),
      pointer(LLVMPointerTypeInContext(llvm_context, 0)),
      nothing(LLVMVoidTypeInContext(llvm_context)) {}

Code::~Code() { LLVMDisposeBuilder(builder); }

LLVMTypeRef Code::scalar(Kind kind) const {
  switch (kind) {
    case Kind::f32:
      return f32;
    case Kind::f64:
      return f64;
    case Kind::i32:
      return i32;
    case Kind::i64:
      return i64;
    case Kind::truth:
      return i1;
  }
  return nullptr;
}

Kind Code::kind_of(LLVMValueRef value) const {
  LLVMTypeRef type = LLVMTypeOf(value);
  if (LLVMGetTypeKind(type) == LLVMVectorTypeKind) type = LLVMGetElementType(type);
  if (type == f32) return Kind::f32;
  if (type == f64) return Kind::f64;
  if (type == i32) return Kind::i32;
  if (type == i64) return Kind::i64;
  check(type == i1, "a vector of an unexpected element type");
  return Kind::truth;
}

LLVMValueRef Code::least(LLVMValueRef a, LLVMValueRef b) {
  return LLVMBuildSelect(builder, compare(LLVMIntSLT, a, b), a, b, "");
}

bool Code::is_number(LLVMValueRef value, std::int64_t what) const {
  return LLVMIsAConstantInt(value) != nullptr && LLVMConstIntGetSExtValue(value) == what;
}

LLVMValueRef Code::splat(LLVMValueRef scalar_value) {
  LLVMTypeRef type = vector_of(LLVMTypeOf(scalar_value));
  LLVMValueRef first = LLVMBuildInsertElement(builder, LLVMGetPoison(type), scalar_value, number(0), "");
  return LLVMBuildShuffleVector(builder, first, LLVMGetPoison(type), LLVMConstNull(vector(Kind::i32)), "");
}

LLVMValueRef Code::splat_number(Kind kind, double value) {
  const bool real = kind == Kind::f32 || kind == Kind::f64;
  LLVMValueRef one = real ? LLVMConstReal(scalar(kind), value)
                          : LLVMConstInt(scalar(kind), static_cast<unsigned long long>(std::int64_t(value)), 1);
  std::vector<LLVMValueRef> lanes(std::size_t(width), one);
  return LLVMConstVector(lanes.data(), unsigned(width));
}

LLVMValueRef Code::lane_numbers(Kind kind) {
  std::vector<LLVMValueRef> lanes;
  for (int i = 0; i < width; ++i) lanes.push_back(LLVMConstInt(scalar(kind), static_cast<unsigned long long>(i), 0));
  return LLVMConstVector(lanes.data(), unsigned(width));
}

LLVMValueRef Code::intrinsic(const std::string& name, std::initializer_list<LLVMTypeRef> types,
                             std::initializer_list<LLVMValueRef> arguments) {
  const unsigned id = LLVMLookupIntrinsicID(name.data(), name.size());
  check(id != 0, "an unknown intrinsic of LLVM");
  std::vector<LLVMTypeRef> overloads(types);
  std::vector<LLVMValueRef> operands(arguments);
  LLVMValueRef callee = LLVMGetIntrinsicDeclaration(module, id, overloads.data(), overloads.size());
  LLVMTypeRef type = LLVMIntrinsicGetType(context, id, overloads.data(), overloads.size());
  return LLVMBuildCall2(builder, type, callee, operands.data(), unsigned(operands.size()), "");
}

LLVMValueRef Code::at(LLVMTypeRef element, LLVMValueRef base, LLVMValueRef address) {
  return is_number(address, 0) ? base : LLVMBuildInBoundsGEP2(builder, element, base, &address, 1, "");
}

LLVMValueRef Code::local(LLVMTypeRef type, LLVMValueRef count, unsigned align) {
  LLVMBasicBlockRef current = here(), entry = LLVMGetEntryBasicBlock(function());
  LLVMPositionBuilderBefore(builder, LLVMGetFirstInstruction(entry));
  LLVMValueRef memory = count ? LLVMBuildArrayAlloca(builder, type, count, "") : LLVMBuildAlloca(builder, type, "");
  LLVMSetAlignment(memory, align);
  LLVMPositionBuilderAtEnd(builder, current);
  return memory;
}

LLVMBasicBlockRef Code::block(const char* name) { return LLVMAppendBasicBlockInContext(context, function(), name); }
LLVMValueRef Code::function() const { return LLVMGetBasicBlockParent(here()); }

void Code::go_to(LLVMBasicBlockRef target_block) {
  LLVMBuildBr(builder, target_block);
  LLVMPositionBuilderAtEnd(builder, target_block);
}

namespace {

bool is_real(Kind kind) { return kind == Kind::f32 || kind == Kind::f64; }

// The operands converted to one kind, and where to emit.
struct Pair {
  Code& code;
  Kind kind;
  LLVMValueRef a, b;
};

Pair meet(const Value& a, const Value& b) {
  check(!a.is_constant() || !b.is_constant(), "an operation on two constants");
  const Value& real = a.is_constant() ? b : a;
  Code& code = real.code();
  const Kind kind = real.kind();
  return {code, kind, a.as(code, kind), b.as(code, kind)};
}

using BuildTwo = LLVMValueRef (*)(LLVMBuilderRef, LLVMValueRef, LLVMValueRef, const char*);

Value two(const Value& a, const Value& b, BuildTwo for_real, BuildTwo for_integer) {
  const Pair pair = meet(a, b);
  check(is_real(pair.kind) ? for_real != nullptr : for_integer != nullptr, "no such operation on this kind");
  return {pair.code, (is_real(pair.kind) ? for_real : for_integer)(pair.code.builder, pair.a, pair.b, "")};
}

Value shifted(const Value& a, int bits, BuildTwo build) {
  return {a.code(), build(a.code().builder, a.llvm(), a.code().splat_number(a.kind(), bits), "")};
}

Value unary_intrinsic(const char* name, const Value& a) {
  return {a.code(), a.code().intrinsic(name, {LLVMTypeOf(a.llvm())}, {a.llvm()})};
}

}  // namespace

Value operator+(const Value& a, const Value& b) { return two(a, b, LLVMBuildFAdd, LLVMBuildAdd); }
Value operator-(const Value& a, const Value& b) { return two(a, b, LLVMBuildFSub, LLVMBuildSub); }
Value operator*(const Value& a, const Value& b) { return two(a, b, LLVMBuildFMul, LLVMBuildMul); }
Value operator/(const Value& a, const Value& b) { return two(a, b, LLVMBuildFDiv, nullptr); }
Value operator-(const Value& a) {
  return {a.code(), is_real(a.kind()) ? LLVMBuildFNeg(a.code().builder, a.llvm(), "")
                                      : LLVMBuildNeg(a.code().builder, a.llvm(), "")};
}
Value operator&(const Value& a, const Value& b) { return two(a, b, nullptr, LLVMBuildAnd); }
Value operator|(const Value& a, const Value& b) { return two(a, b, nullptr, LLVMBuildOr); }
Value operator^(const Value& a, const Value& b) { return two(a, b, nullptr, LLVMBuildXor); }
Value shift_left(const Value& a, int bits) { return shifted(a, bits, LLVMBuildShl); }
Value shift_right(const Value& a, int bits) { return shifted(a, bits, LLVMBuildLShr); }
Value shift_right_signed(const Value& a, int bits) { return shifted(a, bits, LLVMBuildAShr); }

Value lt(const Value& a, const Value& b) {
  const Pair pair = meet(a, b);
  return {pair.code, is_real(pair.kind) ? LLVMBuildFCmp(pair.code.builder, LLVMRealOLT, pair.a, pair.b, "")
                                        : LLVMBuildICmp(pair.code.builder, LLVMIntSLT, pair.a, pair.b, "")};
}
Value eq(const Value& a, const Value& b) {
  const Pair pair = meet(a, b);
  return {pair.code, is_real(pair.kind) ? LLVMBuildFCmp(pair.code.builder, LLVMRealOEQ, pair.a, pair.b, "")
                                        : LLVMBuildICmp(pair.code.builder, LLVMIntEQ, pair.a, pair.b, "")};
}
Value both(const Value& a, const Value& b) { return a & b; }
Value either(const Value& a, const Value& b) { return a | b; }
Value negate(const Value& a) { return {a.code(), LLVMBuildNot(a.code().builder, a.llvm(), "")}; }

Value choose(const Value& condition, const Value& a, const Value& b) {
  Code& code = condition.code();
  const Kind kind = !a.is_constant() ? a.kind() : !b.is_constant() ? b.kind() : Kind::f32;
  return {code, LLVMBuildSelect(code.builder, condition.llvm(), a.as(code, kind), b.as(code, kind), "")};
}

Value fma(const Value& a, const Value& b, const Value& c) {
  const Value& real = !a.is_constant() ? a : !b.is_constant() ? b : c;
  Code& code = real.code();
  const Kind kind = real.kind();
  return {code,
          code.intrinsic("llvm.fma", {code.vector(kind)}, {a.as(code, kind), b.as(code, kind), c.as(code, kind)})};
}

Value abs(const Value& a) {
  if (is_real(a.kind())) return unary_intrinsic("llvm.fabs", a);
  return {a.code(), a.code().intrinsic("llvm.abs", {LLVMTypeOf(a.llvm())}, {a.llvm(), LLVMConstNull(a.code().i1)})};
}
Value floor(const Value& a) { return unary_intrinsic("llvm.floor", a); }
Value sqrt(const Value& a) { return unary_intrinsic("llvm.sqrt", a); }
Value round_even(const Value& a) { return unary_intrinsic("llvm.roundeven", a); }
Value copysign(const Value& magnitude, const Value& sign) {
  Code& code = sign.code();
  return {code,
          code.intrinsic("llvm.copysign", {code.vector(sign.kind())}, {magnitude.as(code, sign.kind()), sign.llvm()})};
}

Value convert(const Value& a, Kind kind) {
  Code& code = a.code();
  if (kind == Kind::truth) return negate(eq(a, 0.0));
  if (is_real(a.kind()) && !is_real(kind))
    return {code, code.intrinsic("llvm.fptosi.sat", {code.vector(kind), LLVMTypeOf(a.llvm())}, {a.llvm()})};
  return convert_fast(a, kind);
}

Value convert_fast(const Value& a, Kind kind) {
  Code& code = a.code();
  LLVMTypeRef type = code.vector(kind);
  const Kind from = a.kind();
  if (from == kind) return a;
  if (is_real(from))
    return {code, is_real(kind) ? LLVMBuildFPCast(code.builder, a.llvm(), type, "")
                                : LLVMBuildFPToSI(code.builder, a.llvm(), type, "")};
  if (from == Kind::truth)
    return {code, is_real(kind) ? LLVMBuildUIToFP(code.builder, a.llvm(), type, "")
                                : LLVMBuildZExt(code.builder, a.llvm(), type, "")};
  if (is_real(kind)) return {code, LLVMBuildSIToFP(code.builder, a.llvm(), type, "")};
  return {code, kind == Kind::i64 ? LLVMBuildSExt(code.builder, a.llvm(), type, "")
                                  : LLVMBuildTrunc(code.builder, a.llvm(), type, "")};
}

Value bits_as(const Value& a, Kind kind) {
  return {a.code(), LLVMBuildBitCast(a.code().builder, a.llvm(), a.code().vector(kind), "")};
}

Value any(const Value& truth) {
  Code& code = truth.code();
  return {code, code.intrinsic("llvm.vector.reduce.or", {code.vector(Kind::truth)}, {truth.llvm()})};
}

}  // namespace weft::cpu
