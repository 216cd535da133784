// Prints programs: one visitor for all tables.
#include <fmt/format.h>

#include <iterator>
#include <type_traits>

#include "ir/type.h"
#include "runtime/program/tables.h"

namespace weft::runtime {

namespace {

const char* word(weft_base base) {
  constexpr const char* kWords[] = {"input", "output", "arena"};
  return kWords[base];
}
std::string word(weft_dtype dtype) { return std::string(ir::name(ir::DType(dtype))); }
std::string word(weft_role role) { return std::string(ir::name(ir::Role(role))); }
const char* word(weft_direction direction) {
  constexpr const char* kWords[] = {"forward", "back_to_x", "back_to_w"};
  return kWords[direction];
}
const char* word(weft_pooling code) {
  constexpr const char* kWords[] = {"max", "average", "max_gradient", "average_gradient"};
  return kWords[code];
}
const char* word(weft_similarity code) {
  constexpr const char* kWords[] = {"lse", "gradient", "tiles"};
  return kWords[code];
}

// "name value, name value"
class FieldText {
 public:
  template <typename Value>
  void field(const char* name, const Value& value) {
    if (!text_.empty()) text_ += ", ";
    text_ += fmt::format("{} {}", name, text(value));
  }
  template <typename Item>
  void list(const char*, const char* name, const Item* items, int count) {
    std::string all;
    for (int i = 0; i < count; ++i) all += (i == 0 ? "" : ", ") + text(items[i]);
    field(name, Raw{"[" + all + "]"});
  }
  std::string take() { return std::move(text_); }

 private:
  struct Raw {
    std::string text;
  };

  template <typename Value>
  static std::string text(const Value& value) {
    if constexpr (std::is_same_v<Value, Raw>) {
      return value.text;
    } else if constexpr (std::is_array_v<Value>) {
      FieldText fields;
      fields.list("", "", std::begin(value), int(std::size(value)));
      return fields.take().substr(1);  // without its name
    } else if constexpr (std::is_enum_v<Value>) {
      return fmt::format("{}", word(value));
    } else if constexpr (std::is_same_v<Value, const char*>) {
      return fmt::format("\"{}\"", value);
    } else if constexpr (std::is_pointer_v<Value>) {
      return value ? value->name : "none";  // a kernel
    } else if constexpr (std::is_class_v<Value>) {
      FieldText fields;
      visit_fields(value, fields);
      return "{" + fields.take() + "}";
    } else {
      return fmt::format("{}", value);
    }
  }

  std::string text_;
};

std::string place_text(const char* where, std::size_t offset) {
  return offset == 0 ? where : fmt::format("{} + {}", where, offset);
}

std::string address_text(const weft_address& address) {
  const std::string base = word(address.base);
  return place_text((address.base == WEFT_ARENA ? base : fmt::format("{} {}", base, address.index)).c_str(),
                    address.offset);
}

std::string port_text(const char* what, int index, const weft_port& port) {
  std::string dims;
  for (int i = 0; i < port.type.rank; ++i) dims += fmt::format("{}{}", i == 0 ? "" : ",", port.type.dims[i]);
  return fmt::format("{} {}: {} {}[{}], {}\n", what, index, port.name, word(port.type.dtype), dims, word(port.role));
}

std::string step_text(int index, const weft_step& step) {
  std::string text = fmt::format("{} {} \"{}\":", index, name(step.kind), step.name);
  for (int i = 0; i < step.address_count; ++i) text += (i == 0 ? " " : ", ") + address_text(step.addresses[i]);
  if (step.scratch_bytes > 0)
    text += fmt::format("; scratch {} bytes, {}", step.scratch_bytes, place_text("arena", step.scratch_offset));
  FieldText fields;
  visit_table(step, [&](const auto& table) { visit_fields(table, fields); });
  const std::string all = fields.take();
  return text + "\n" + (all.empty() ? "" : "  " + all + "\n");
}

}  // namespace

std::string print(const weft_program& program) {
  std::string text =
      fmt::format("program @{}: {} steps, arena {} bytes\n", program.entry, program.step_count, program.arena_bytes);
  for (int i = 0; i < program.input_count; ++i) text += port_text("input", i, program.inputs[i]);
  for (int i = 0; i < program.output_count; ++i) text += port_text("output", i, program.outputs[i]);
  for (int i = 0; i < program.step_count; ++i) text += step_text(i, program.steps[i]);
  return text;
}

}  // namespace weft::runtime
