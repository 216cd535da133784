// Loads, stores and gathers of vectors, and the memory representation of each dtype.
#include "backends/cpu/codegen/vector_memory.h"

namespace weft::cpu {

using ir::DType;

namespace {

LLVMValueRef all_lanes(Code& code, LLVMValueRef mask) {
  return mask ? mask : LLVMConstAllOnes(code.vector(Kind::truth));
}

LLVMValueRef strided_places(Code& code, LLVMTypeRef element, LLVMValueRef place, std::int64_t stride) {
  LLVMValueRef steps =
      (Value(code, code.lane_numbers(Kind::i64)) * Value(code, code.splat_number(Kind::i64, double(stride)))).llvm();
  return LLVMBuildGEP2(code.builder, element, place, &steps, 1, "");
}

// Visits each lane with the address of its element. Distances are constant, so no vector of addresses is taken apart,
// as x86 does for gathers and scatters that run element by element.
template <typename Visit>
void for_each_lane(Code& code, LLVMTypeRef element, LLVMValueRef place, std::int64_t stride, Visit visit) {
  for (int lane = 0; lane < code.width; ++lane)
    visit(code.number(lane), code.at(element, place, code.number(lane * stride)));
}

// Vectors of `type`; lane i is at `base` + offsets[i] times the size of `element`.
LLVMValueRef gather_places(Code& code, LLVMTypeRef type, LLVMTypeRef element, LLVMValueRef base, const Value& offsets,
                           LLVMValueRef mask, unsigned align) {
  LLVMValueRef steps = offsets.llvm();
  return code.intrinsic("llvm.masked.gather", {type, code.vector_of(code.pointer)},
                        {LLVMBuildGEP2(code.builder, element, base, &steps, 1, ""), LLVMConstInt(code.i32, align, 0),
                         all_lanes(code, mask), LLVMConstNull(type)});
}

// The machine gathers words. The aligned word around a narrow element lies in the element's page, so it is safe to
// read; a shift then extracts the element.
LLVMValueRef gather_narrow(Code& code, LLVMTypeRef element, LLVMValueRef base, const Value& offsets, LLVMValueRef mask,
                           unsigned bytes) {
  LLVMValueRef into_word =
      LLVMBuildAnd(code.builder, LLVMBuildPtrToInt(code.builder, base, code.i64, ""), code.number(3), "");
  LLVMValueRef aligned = code.at(code.i8, base, LLVMBuildNeg(code.builder, into_word, ""));
  const Value first(code, code.splat(LLVMBuildTrunc(code.builder, into_word, code.i32, "")));
  const Value byte = (bytes == 1 ? offsets : offsets * double(bytes)) + first;
  LLVMValueRef words = gather_places(code, code.vector(Kind::i32), code.i8, aligned, byte & -4.0, mask, 4);
  LLVMValueRef shifted = LLVMBuildLShr(code.builder, words, shift_left(byte & 3.0, 3).llvm(), "");
  LLVMTypeRef narrow = code.vector_of(LLVMIntTypeInContext(code.context, 8 * bytes));
  return LLVMBuildBitCast(code.builder, LLVMBuildTrunc(code.builder, shifted, narrow, ""), code.vector_of(element), "");
}

}  // namespace

LLVMTypeRef memory_type(const Code& code, DType dtype) {
  switch (dtype) {
    case DType::f32:
      return code.f32;
    case DType::bf16:
      return code.i16;
    case DType::f16:
      return LLVMHalfTypeInContext(code.context);
    case DType::i32:
      return code.i32;
    case DType::u8:
    case DType::boolean:
      return code.i8;
  }
  return nullptr;
}

LLVMValueRef load_vector(Code& code, LLVMTypeRef element, LLVMValueRef place, std::int64_t stride, LLVMValueRef mask,
                         unsigned align) {
  LLVMTypeRef type = code.vector_of(element);
  LLVMValueRef align_value = LLVMConstInt(code.i32, align, 0);
  if (stride == 0) {
    LLVMValueRef one = LLVMBuildLoad2(code.builder, element, place, "");
    LLVMSetAlignment(one, align);
    return code.splat(one);
  }
  if (stride != 1 && !mask) {
    LLVMValueRef vector = LLVMGetPoison(type);
    for_each_lane(code, element, place, stride, [&](LLVMValueRef lane, LLVMValueRef at) {
      LLVMValueRef one = LLVMBuildLoad2(code.builder, element, at, "");
      LLVMSetAlignment(one, align);
      vector = LLVMBuildInsertElement(code.builder, vector, one, lane, "");
    });
    return vector;
  }
  if (stride != 1)
    return code.intrinsic(
        "llvm.masked.gather", {type, code.vector_of(code.pointer)},
        {strided_places(code, element, place, stride), align_value, all_lanes(code, mask), LLVMConstNull(type)});
  if (mask)
    return code.intrinsic("llvm.masked.load", {type, code.pointer}, {place, align_value, mask, LLVMConstNull(type)});
  LLVMValueRef vector = LLVMBuildLoad2(code.builder, type, place, "");
  LLVMSetAlignment(vector, align);
  return vector;
}

void store_vector(Code& code, LLVMValueRef vector, LLVMValueRef place, std::int64_t stride, LLVMValueRef mask,
                  unsigned align) {
  LLVMTypeRef type = LLVMTypeOf(vector);
  LLVMValueRef align_value = LLVMConstInt(code.i32, align, 0);
  if (stride == 0) {
    LLVMValueRef first = LLVMBuildExtractElement(code.builder, vector, code.number(0), "");
    LLVMSetAlignment(LLVMBuildStore(code.builder, first, place), align);
  } else if (stride != 1 && !mask) {
    for_each_lane(code, LLVMGetElementType(type), place, stride, [&](LLVMValueRef lane, LLVMValueRef at) {
      LLVMValueRef one = LLVMBuildExtractElement(code.builder, vector, lane, "");
      LLVMSetAlignment(LLVMBuildStore(code.builder, one, at), align);
    });
  } else if (stride != 1) {
    code.intrinsic(
        "llvm.masked.scatter", {type, code.vector_of(code.pointer)},
        {vector, strided_places(code, LLVMGetElementType(type), place, stride), align_value, all_lanes(code, mask)});
  } else if (mask) {
    code.intrinsic("llvm.masked.store", {type, code.pointer}, {vector, place, align_value, mask});
  } else {
    LLVMSetAlignment(LLVMBuildStore(code.builder, vector, place), align);
  }
}

Value from_memory(Code& code, LLVMValueRef vector, DType dtype) {
  const auto widen = [&] { return LLVMBuildZExt(code.builder, vector, code.vector(Kind::i32), ""); };
  switch (dtype) {
    case DType::f32:
    case DType::i32:
      return {code, vector};
    case DType::bf16:
      return bits_as(shift_left(Value(code, widen()), 16), Kind::f32);
    case DType::f16:
      return {code, LLVMBuildFPExt(code.builder, vector, code.vector(Kind::f32), "")};
    case DType::u8:
      return {code, widen()};
    case DType::boolean:
      return {code, LLVMBuildICmp(code.builder, LLVMIntNE, vector, LLVMConstNull(LLVMTypeOf(vector)), "")};
  }
  return {};
}

LLVMValueRef to_memory(Code& code, const Value& value, DType dtype) {
  LLVMTypeRef type = code.vector_of(memory_type(code, dtype));
  switch (dtype) {
    case DType::f32:
    case DType::i32:
      return value.llvm();
    case DType::bf16:  // already rounded
      return LLVMBuildTrunc(code.builder, shift_right(bits_as(value, Kind::i32), 16).llvm(), type, "");
    case DType::f16:
      return LLVMBuildFPTrunc(code.builder, value.llvm(), type, "");
    case DType::u8:
      return LLVMBuildTrunc(code.builder, value.llvm(), type, "");
    case DType::boolean:
      return LLVMBuildZExt(code.builder, value.llvm(), type, "");
  }
  return nullptr;
}

LLVMValueRef gather(Code& code, LLVMTypeRef element, LLVMValueRef base, const Value& offsets, LLVMValueRef mask,
                    unsigned align) {
  if (align < 4 && offsets.kind() == Kind::i32) return gather_narrow(code, element, base, offsets, mask, align);
  return gather_places(code, code.vector_of(element), element, base, offsets, mask, align);
}

}  // namespace weft::cpu
