// The op and attribute tables, read from ops.def and attrs.def.
#include "ir/op.h"

#include <algorithm>
#include <cstring>

#include "ir/error.h"

namespace weft::ir {

const std::vector<OpInfo>& op_table() {
  static const std::vector<OpInfo> table = {
#define OP(name, kind, min_arity, max_arity, takes, traits, cost, attributes, doc) \
  {#name, OpKind::kind, min_arity, max_arity, Takes::takes, traits, cost, "", attributes, doc},
#define ELEMENTWISE(name, arity, takes, traits, cost, onnx, doc) \
  {#name, OpKind::elementwise, arity, arity, Takes::takes, traits, cost, onnx, Attr::none, doc},
#include "ir/ops.def"
  };
  return table;
}

const std::vector<AttrInfo>& attr_table() {
  static const std::vector<AttrInfo> table = {
#define ATTR(bit, name, type, fallback, doc) {Attr::name, #name, AttrType::type, fallback, doc},
#include "ir/attrs.def"
#undef ATTR
  };
  return table;
}

const OpInfo& info(OpCode code) { return op_table()[std::size_t(code)]; }
std::string_view name(OpCode code) { return info(code).name; }

const AttrInfo& info(Attr attr) {
  for (const AttrInfo& row : attr_table())
    if (row.attr == attr) return row;
  throw InternalError("unknown attribute");
}

std::optional<OpCode> parse_op(std::string_view name) {
  const auto& table = op_table();
  const auto found = std::find_if(table.begin(), table.end(), [&](const OpInfo& row) { return row.name == name; });
  if (found == table.end()) return {};
  return OpCode(found - table.begin());
}

namespace {

bool is_default(const AttrInfo& row, const AttrValue& value) {
  if (row.is_required()) return false;
  if (const auto* number = std::get_if<std::int64_t>(&value)) return *number == row.fallback.number;
  if (const auto* list = std::get_if<std::vector<std::int64_t>>(&value))
    return std::all_of(list->begin(), list->end(), [&](std::int64_t each) { return each == row.fallback.number; });
  if (const auto* text = std::get_if<std::string>(&value)) return *text == row.fallback.text;
  return false;
}

}  // namespace

const std::vector<std::string>& activation_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const OpInfo& row : op_table())
      if (row.kind == OpKind::elementwise && row.max_arity == 1 &&
          (row.takes == Takes::floats || row.takes == Takes::numbers))
        all.emplace_back(row.name);
    return all;
  }();
  return names;
}

Attrs& Attrs::set(Attr key, AttrValue value) {
  if (is_default(info(key), value))
    values_.erase(key);
  else
    values_[key] = std::move(value);
  return *this;
}

namespace {

bool same(const AttrValue& a, const AttrValue& b) {
  const auto* x = std::get_if<std::vector<double>>(&a);
  const auto* y = std::get_if<std::vector<double>>(&b);
  if (!x || !y) return a == b;
  return x->size() == y->size() && std::memcmp(x->data(), y->data(), x->size() * sizeof(double)) == 0;
}

}  // namespace

bool Attrs::operator==(const Attrs& other) const {
  return std::equal(values_.begin(), values_.end(), other.values_.begin(), other.values_.end(),
                    [](const auto& a, const auto& b) { return a.first == b.first && same(a.second, b.second); });
}

const AttrValue& Attrs::required(Attr key) const {
  const auto found = values_.find(key);
  if (found == values_.end())
    throw InternalError(fmt::format("internal error: attribute {} is missing", info(key).name));
  return found->second;
}

std::int64_t Attrs::integer(Attr key) const {
  if (!has(key) && !info(key).is_required()) return info(key).fallback.number;
  return std::get<std::int64_t>(required(key));
}

std::vector<std::int64_t> Attrs::integers(Attr key) const {
  if (!has(key) && !info(key).is_required()) return {info(key).fallback.number, info(key).fallback.number};
  return std::get<std::vector<std::int64_t>>(required(key));
}

const std::vector<double>& Attrs::numbers(Attr key) const { return std::get<std::vector<double>>(required(key)); }
const Dims& Attrs::dims(Attr key) const { return std::get<Dims>(required(key)); }

std::string Attrs::text(Attr key) const {
  if (!has(key) && !info(key).is_required()) return std::string(info(key).fallback.text);
  return std::get<std::string>(required(key));
}

}  // namespace weft::ir
