// The fields of the tables (runtime/program/steps.def), for code that treats all kinds of steps alike.
#pragma once

#include <string_view>

extern "C" {
#include "runtime/artefact/tables.h"
}

namespace weft::runtime {

// visit_fields(table, visitor) calls visitor.field(name, value) for each field in turn, where the value of an array is
// a reference to it, and visitor.list(type, name, first, count) for each list, with its type in C.
#define FIELD(type, name) visitor.field(#name, table.name);
#define ARRAY(type, name, size) visitor.field(#name, table.name);
#define LIST(type, name, count) visitor.list(#type, #name, table.name, table.count);
#define STRUCT(name, fields)                                      \
  template <typename Visitor>                                     \
  void visit_fields(const weft_##name& table, Visitor& visitor) { \
    fields                                                        \
  }
#define STEP(KIND, name, fields) STRUCT(name##_step, fields)
#include "runtime/program/steps.def"
#undef FIELD
#undef ARRAY
#undef LIST

// The kind of the steps that have this struct.
#define STEP(KIND, name, fields) \
  inline weft_step_kind kind_of(const weft_##name##_step&) { return WEFT_STEP_##KIND; }
#include "runtime/program/steps.def"

// "matmul"; its struct is weft_matmul_step.
inline std::string_view name(weft_step_kind kind) {
  switch (kind) {
#define STEP(KIND, name, fields) \
  case WEFT_STEP_##KIND:         \
    return #name;
#include "runtime/program/steps.def"
    case WEFT_STEP_CUSTOM:
      break;
  }
  return "custom";
}

// visit(the step's struct), if it has one, else an empty result.
template <typename Result = void, typename Visit>
Result visit_table(const weft_step& step, const Visit& visit) {
  switch (step.kind) {
#define STEP(KIND, name, fields) \
  case WEFT_STEP_##KIND:         \
    return visit(*static_cast<const weft_##name##_step*>(step.what));
#include "runtime/program/steps.def"
    case WEFT_STEP_CUSTOM:
      break;
  }
  return Result();
}

// The struct of a step that is known to have it.
template <typename Table>
const Table& table_of(const weft_step& step) {
  return *static_cast<const Table*>(step.what);
}

}  // namespace weft::runtime
