// Writes tables (runtime/artefact/tables.h) as C.
#pragma once

#include <fmt/ranges.h>

#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "runtime/program/fields.h"

namespace weft::aot {

std::string c_string(std::string_view text);  // a string literal, one line of source per line of text
std::string float_text(float value);

template <typename List>
std::string braces(const List& list) {
  return fmt::format("{{{}}}", fmt::join(list, ", "));
}

using KernelNames = std::map<const weft_kernel*, std::string>;  // what their tables are called

// The initialiser of a table. Its lists become definitions, PREFIXfield.
class Initialiser {
 public:
  Initialiser(std::string& definitions, std::string prefix, const KernelNames& kernels)
      : definitions_(definitions), prefix_(std::move(prefix)), kernels_(kernels) {}

  template <typename Table>
  std::string of(const Table& table) const {
    Initialiser fields(definitions_, prefix_, kernels_);
    runtime::visit_fields(table, fields);
    return braces(fields.values_);
  }

  template <typename Value>
  void field(const char*, const Value& value) {
    values_.push_back(text(value));
  }
  template <typename Item>
  void list(const char* type, const char* name, const Item* items, int count) {
    values_.push_back(count == 0 ? "0" : prefix_ + name);
    values_.push_back(fmt::format("{}", count));
    if (count > 0)
      definitions_ += fmt::format("static const {} {}{}[] = {};\n", type, prefix_, name, braces(texts(items, count)));
  }

 private:
  template <typename Item>
  std::vector<std::string> texts(const Item* items, int count) const {
    std::vector<std::string> all;
    for (int i = 0; i < count; ++i) all.push_back(text(items[i]));
    return all;
  }
  template <typename Value>
  std::string text(const Value& value) const {
    if constexpr (std::is_array_v<Value>)
      return braces(texts(value, int(std::size(value))));
    else if constexpr (std::is_enum_v<Value>)
      return fmt::format("{}", int(value));
    else if constexpr (std::is_same_v<Value, const char*>)
      return c_string(value);
    else if constexpr (std::is_pointer_v<Value>)
      return value ? "&" + kernels_.at(value) : "0";
    else if constexpr (std::is_class_v<Value>)
      return of(value);
    else if constexpr (std::is_same_v<Value, float>)
      return float_text(value);
    else if constexpr (std::is_same_v<Value, double>)
      return fmt::format("{:.17g}", value);
    else
      return fmt::format("{}", value);
  }

  std::string& definitions_;
  std::string prefix_;
  const KernelNames& kernels_;
  std::vector<std::string> values_;
};

std::string list_or_null(bool empty, const std::string& name);
// The definition of a list with these rows, if any.
std::string list_text(const std::string& type, const std::string& name, const std::vector<std::string>& rows);
// Of tables without lists.
template <typename Table>
std::string list_text(const std::string& type, const std::string& name, const std::vector<Table>& tables) {
  std::string none;
  std::vector<std::string> rows;
  for (const Table& table : tables) rows.push_back(Initialiser(none, "", {}).of(table));
  return list_text(type, name, rows);
}

// Embeds the bytes of a file as `symbol` in the read-only section, 64-byte aligned.
std::string embedded_text(const std::string& symbol, const std::string& path);

}  // namespace weft::aot
