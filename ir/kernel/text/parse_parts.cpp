// Loops, addresses and ops.
#include "ir/kernel/text/parse_parts.h"

#include <limits>
#include <optional>

#include "ir/text/number.h"
#include "ir/text/suggest.h"
#include "ir/visible.h"

namespace weft::kernel {

using ir::Cursor;
using ir::Position;
using ir::Token;

int read_loop(Cursor& cursor, int loops) {
  const Position at = cursor.peek().at;
  const std::string text = cursor.expect_word("a loop such as i0");
  const auto number = text[0] == 'i' ? parse_number<int>(std::string_view(text).substr(1)) : std::nullopt;
  if (!number || *number < 0 || *number >= loops)
    cursor.fail_at(at, "there is no loop {}: the kernel has {}", brief(text),
                   loops == 0   ? "none"
                   : loops == 1 ? "i0"
                                : fmt::format("i0 to i{}", loops - 1));
  return *number;
}

namespace {

// Behind `min`: `(%0, 8)`.
void read_indirect(Cursor& cursor, std::int64_t stride, Node& node) {
  cursor.expect("(", "after min");
  const Token token = cursor.expect_value("the node of an index");
  if (!token.text.empty()) cursor.fail_at(token.at, "{} has a name, but nodes are numbered", describe(token));
  cursor.expect(",", "after the index");
  const Position at = cursor.peek().at;
  const std::int64_t last = cursor.expect_integer("the largest index");
  if (last < 0 || last == std::numeric_limits<std::int64_t>::max()) cursor.fail_at(at, "{} is no index", last);
  cursor.expect(")", "after the largest index");
  node.operands.push_back(token.ordinal);
  node.indirect.push_back({stride, last + 1});
}

}  // namespace

void read_address(Cursor& cursor, Node& node) {
  bool has_offset = false;
  do {
    const Position at = cursor.peek().at;
    const bool has_number = cursor.peek().kind == Token::Kind::number;
    const std::int64_t number = has_number ? cursor.expect_integer("a whole number") : 1;
    if (has_number && !cursor.accept("*")) {
      if (has_offset) cursor.fail_at(at, "the offset stands twice");
      has_offset = true;
      node.map.offset = number;
    } else if (cursor.accept_word("min")) {
      read_indirect(cursor, number, node);
    } else {
      const int loop = read_loop(cursor, int(node.map.strides.size()));
      std::int64_t& stride = node.map.strides[std::size_t(loop)];
      if (stride != 0) cursor.fail_at(at, "i{} stands twice", loop);
      if (number == 0) cursor.fail_at(at, "a stride of 0 is left out");
      stride = number;
    }
  } while (cursor.accept("+"));
}

ir::OpCode read_code(Cursor& cursor) {
  const Position at = cursor.peek().at;
  const std::string text = cursor.expect_word("an op, a number or an element such as x[i0]");
  if (const std::optional<ir::OpCode> code = ir::parse_op(text)) return *code;
  std::vector<std::string> known = {"index"};
  for (const ir::OpInfo& row : ir::op_table()) known.emplace_back(row.name);
  cursor.fail_at(at, "unknown op '{}'{}", brief(text), did_you_mean(text, known));
}

}  // namespace weft::kernel
