// Reads facts of inputs, attributes and locations.
#include "ir/text/parse_parts.h"

#include <algorithm>
#include <limits>

#include "ir/text/suggest.h"

namespace weft::ir {

namespace {

Role read_role(Cursor& cursor) {
  const Position start = cursor.peek().at;
  const std::string text = cursor.expect_word("a role");
  std::vector<std::string> known;
  for (const Role role : kRoles) {
    if (text == name(role)) return role;
    known.emplace_back(name(role));
  }
  cursor.fail_at(start, "unknown role '{}'{}", text, did_you_mean(text, known));
}

Init read_init(Cursor& cursor) {
  const Position start = cursor.peek().at;
  const std::string kind = cursor.expect_word("an init such as uniform(-0.05,0.05)");
  std::vector<double> numbers;
  cursor.expect("(", "after " + kind);
  cursor.list(")", "or ',' after a number", [&] { numbers.push_back(cursor.expect_number("a number")); });
  if (kind != "constant" && kind != "uniform" && kind != "normal")
    cursor.fail_at(start, "unknown init '{}'{}", kind, did_you_mean(kind, {"constant", "uniform", "normal"}));
  const std::size_t needed = kind == "constant" ? 1 : 2;
  if (numbers.size() != needed) cursor.fail_at(start, "{} takes {} number(s), got {}", kind, needed, numbers.size());
  if (kind == "constant") return constant_init(numbers[0]);
  return kind == "uniform" ? uniform_init(numbers[0], numbers[1]) : normal_init(numbers[0], numbers[1]);
}

std::string read_layout(Cursor& cursor) { return cursor.expect_word("a memory layout such as OIhw16i16o"); }

std::vector<Slot> read_slots(Cursor& cursor) {
  std::vector<Slot> slots;
  cursor.expect("[", "before the slots");
  cursor.list("]", "or ',' after a slot", [&] {
    Slot slot;
    slot.name = cursor.expect_name("a slot such as w: f32[3] at 0");
    cursor.expect(":", "after the slot's name");
    slot.type = cursor.expect_type();
    if (!cursor.accept_word("at")) cursor.fail_expected("'at' and the slot's offset");
    slot.offset = cursor.expect_integer("the slot's offset in elements");
    if (cursor.accept_word("init")) {
      cursor.expect("=", "after init");
      slot.init = read_init(cursor);
    }
    if (cursor.accept_word("layout")) {
      cursor.expect("=", "after layout");
      slot.layout = read_layout(cursor);
    }
    slots.push_back(std::move(slot));
  });
  return slots;
}

AttrValue read_attr(Cursor& cursor, const AttrInfo& row) {
  switch (row.type) {
    case AttrType::integer:
      return cursor.expect_integer(fmt::format("a whole number for {}", row.name));
    case AttrType::integers: {
      std::vector<std::int64_t> integers;
      cursor.expect("[", fmt::format("before the list of {}", row.name));
      cursor.list("]", "or ',' in a list",
                  [&] { integers.push_back(cursor.expect_integer(fmt::format("a whole number for {}", row.name))); });
      return integers;
    }
    case AttrType::numbers: {
      std::vector<double> numbers;
      const auto read = [&] { numbers.push_back(cursor.expect_number(fmt::format("a number for {}", row.name))); };
      if (cursor.accept("["))
        cursor.list("]", "or ',' in a list", read);
      else
        read();
      return numbers;
    }
    case AttrType::dims:
      return cursor.expect_dims(true);
    case AttrType::text:
      return cursor.expect_name(fmt::format("a name for {}", row.name));
  }
  throw InternalError("an attribute of unknown type");
}

// The row of the next attribute, which `code` must permit.
const AttrInfo& read_attr_key(Cursor& cursor, OpCode code) {
  const Position start = cursor.peek().at;
  const std::string key = cursor.expect_word("an attribute such as axis=1");
  std::vector<std::string> permitted;
  bool known = false;
  for (const AttrInfo& row : attr_table()) {
    const bool fits = contains(info(code).attributes, row.attr);
    if (fits && row.name == key) return row;
    if (fits) permitted.emplace_back(row.name);
    known = known || row.name == key;
  }
  const std::string hint = permitted.empty() ? "; it takes none" : did_you_mean(key, permitted);
  if (known) cursor.fail_at(start, "[{}] takes no attribute {}{}", name(code), key, hint);
  cursor.fail_at(start, "[{}] unknown attribute '{}'{}", name(code), key, hint);
}

}  // namespace

void read_version(Cursor& cursor, bool required) {
  const Position start = cursor.peek().at;
  if (!cursor.accept_word("weft")) {
    if (required) cursor.fail_expected("the version line 'weft 1'");
    return;
  }
  const std::int64_t number = cursor.expect_integer("a version number");
  if (number != 1) cursor.fail_at(start, "this build reads version 1 of the text form, the file is version {}", number);
}

void read_input_fact(Cursor& cursor, Input& input) {
  const Position start = cursor.peek().at;
  const std::string key = cursor.expect_word("role, init, layout or slots");
  cursor.expect("=", "after " + key);
  if (key == "role")
    input.role = read_role(cursor);
  else if (key == "init")
    input.init = read_init(cursor);
  else if (key == "slots")
    input.slots = read_slots(cursor);
  else if (key == "layout")
    input.layout = read_layout(cursor);
  else
    cursor.fail_at(start, "unknown fact '{}' of an input{}", key,
                   did_you_mean(key, {"role", "init", "layout", "slots"}));
}

Attrs read_attrs(Cursor& cursor, OpCode code) {
  Attrs attrs;
  std::vector<Attr> seen;
  cursor.list("}", "or ',' after an attribute", [&] {
    const Position start = cursor.peek().at;
    const AttrInfo& row = read_attr_key(cursor, code);
    if (std::count(seen.begin(), seen.end(), row.attr) > 0)
      cursor.fail_at(start, "[{}] attribute {} is given twice", name(code), row.name);
    seen.push_back(row.attr);
    cursor.expect("=", "after the attribute's name");
    attrs.set(row.attr, read_attr(cursor, row));
  });
  return attrs;
}

Location read_where(Cursor& cursor) {
  Location location;
  const auto at_text = [&] { return cursor.peek().kind == Token::Kind::text; };
  if (!at_text()) location.scope = cursor.expect_word("a scope or a \"file\":line");
  if (!at_text()) return location;
  std::string text = cursor.take().text;
  if (!cursor.at(":") && location.scope.empty()) {
    location.scope = std::move(text);
    if (!at_text()) return location;
    text = cursor.take().text;
  }
  location.file = std::move(text);
  cursor.expect(":", "and a line after the file");
  const std::int64_t line = cursor.expect_integer("a line");
  location.line = int(std::clamp<std::int64_t>(line, 0, std::numeric_limits<int>::max()));
  return location;
}

}  // namespace weft::ir
