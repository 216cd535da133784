// The insertion point during the emission of a kernel: LLVM's builder with the vector types of one target, and `Value`,
// the number type that instantiates ir/scalar.h and vector_math.h. Internal to the emitter.
#pragma once

#include <llvm-c/Core.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "backends/cpu/codegen/emit.h"
#include "ir/kernel/queries.h"

namespace weft::cpu {

// Of the lanes of a vector. `truth` is one bit.
using kernel::Kind;
using kernel::kind_of;

class Code {
 public:
  Code(LLVMContextRef llvm_context, LLVMModuleRef llvm_module, const MachineTarget& machine);
  ~Code();
  Code(const Code&) = delete;
  Code& operator=(const Code&) = delete;

  const MachineTarget& target;
  const int width;
  LLVMContextRef context;
  LLVMModuleRef module;
  LLVMBuilderRef builder;
  LLVMTypeRef f32, f64, i8, i16, i32, i64, i1, pointer, nothing;

  LLVMTypeRef scalar(Kind kind) const;
  LLVMTypeRef vector(Kind kind) const { return LLVMVectorType(scalar(kind), unsigned(width)); }
  LLVMTypeRef vector_of(LLVMTypeRef element) const { return LLVMVectorType(element, unsigned(width)); }
  Kind kind_of(LLVMValueRef value) const;

  // Scalars
  LLVMValueRef number(std::int64_t value) const { return LLVMConstInt(i64, static_cast<unsigned long long>(value), 1); }
  LLVMValueRef add(LLVMValueRef a, LLVMValueRef b) { return LLVMBuildAdd(builder, a, b, ""); }
  LLVMValueRef multiply(LLVMValueRef a, LLVMValueRef b) { return LLVMBuildMul(builder, a, b, ""); }
  LLVMValueRef compare(LLVMIntPredicate predicate, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildICmp(builder, predicate, a, b, "");
  }
  LLVMValueRef least(LLVMValueRef a, LLVMValueRef b);
  bool is_number(LLVMValueRef value, std::int64_t what) const;

  // Vectors
  LLVMValueRef splat(LLVMValueRef scalar_value);
  LLVMValueRef splat_number(Kind kind, double value);
  LLVMValueRef lane_numbers(Kind kind);  // 0, 1, 2, ...

  // Calls the intrinsic `name`, overloaded on `types`.
  LLVMValueRef intrinsic(const std::string& name, std::initializer_list<LLVMTypeRef> types,
                         std::initializer_list<LLVMValueRef> arguments);

  // Memory: `address` counts elements of `element` from `base`.
  LLVMValueRef at(LLVMTypeRef element, LLVMValueRef base, LLVMValueRef address);
  LLVMValueRef local(LLVMTypeRef type, LLVMValueRef count = nullptr, unsigned align = 64);  // in the entry block

  // Control flow
  LLVMBasicBlockRef block(const char* name);
  LLVMValueRef function() const;
  LLVMBasicBlockRef here() const { return LLVMGetInsertBlock(builder); }
  void go_to(LLVMBasicBlockRef target_block);

  // body(index) for index = begin, begin + step, ... below end. Values that the body defines are usable afterwards if
  // `begin` and `end` are constants, because then the body certainly runs.
  template <typename Body>
  void loop(LLVMValueRef begin, LLVMValueRef end, std::int64_t step, const char* name, Body body) {
    LLVMBasicBlockRef before = here(), head = block(name), after = block("after");
    LLVMValueRef enters = compare(LLVMIntSLT, begin, end);
    is_number(enters, -1) ? LLVMBuildBr(builder, head) : LLVMBuildCondBr(builder, enters, head, after);
    LLVMPositionBuilderAtEnd(builder, head);
    LLVMValueRef index = LLVMBuildPhi(builder, i64, name);
    body(index);
    LLVMValueRef next = LLVMBuildAdd(builder, index, number(step), "next");
    LLVMBasicBlockRef latch = here();
    LLVMBuildCondBr(builder, compare(LLVMIntSLT, next, end), head, after);
    LLVMValueRef values[] = {begin, next};
    LLVMBasicBlockRef blocks[] = {before, latch};
    LLVMAddIncoming(index, values, blocks, 2);
    LLVMPositionBuilderAtEnd(builder, after);
  }

  template <typename Body>
  void if_true(LLVMValueRef condition, Body body) {
    LLVMBasicBlockRef then = block("then"), after = block("after");
    LLVMBuildCondBr(builder, condition, then, after);
    LLVMPositionBuilderAtEnd(builder, then);
    body();
    go_to(after);
  }
};

// A vector of numbers, or a constant that takes the kind of the other operand. Operators and the functions below define
// ir/scalar.h's templates on vectors.
class Value {
 public:
  Value() = default;
  Value(double constant) : constant_(constant) {}  // as scalar.h's N(1.0)
  Value(Code& code, LLVMValueRef llvm) : code_(&code), llvm_(llvm) {}

  bool is_constant() const { return llvm_ == nullptr; }
  double constant() const { return constant_; }
  Code& code() const { return *code_; }
  LLVMValueRef llvm() const { return llvm_; }  // not for constants
  Kind kind() const { return code_->kind_of(llvm_); }
  LLVMValueRef as(Code& code, Kind kind) const { return llvm_ ? llvm_ : code.splat_number(kind, constant_); }

 private:
  Code* code_ = nullptr;
  LLVMValueRef llvm_ = nullptr;
  double constant_ = 0;
};

Value operator+(const Value& a, const Value& b);
Value operator-(const Value& a, const Value& b);
Value operator*(const Value& a, const Value& b);
Value operator/(const Value& a, const Value& b);
Value operator-(const Value& a);
Value operator&(const Value& a, const Value& b);  // integers or truths
Value operator|(const Value& a, const Value& b);
Value operator^(const Value& a, const Value& b);
Value shift_left(const Value& a, int bits);
Value shift_right(const Value& a, int bits);  // logical
Value shift_right_signed(const Value& a, int bits);

Value lt(const Value& a, const Value& b);
Value eq(const Value& a, const Value& b);
Value both(const Value& a, const Value& b);
Value either(const Value& a, const Value& b);
Value negate(const Value& a);
Value choose(const Value& condition, const Value& a, const Value& b);

Value fma(const Value& a, const Value& b, const Value& c);  // a*b + c, rounded once
Value abs(const Value& a);
Value floor(const Value& a);
Value sqrt(const Value& a);
Value round_even(const Value& a);
Value copysign(const Value& magnitude, const Value& sign);

Value convert(const Value& a, Kind kind);       // between numbers; floats truncate and saturate, and NaN becomes 0
Value convert_fast(const Value& a, Kind kind);  // the same for floats known to fit
Value bits_as(const Value& a, Kind kind);       // the same bits
Value any(const Value& truth);                  // a scalar i1: whether any lane holds

}  // namespace weft::cpu
