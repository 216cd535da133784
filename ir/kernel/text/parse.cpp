// Reads kernels: the grammar of docs/reference/ir.md, one function per rule. What the text does not say follows from
// what it says (ir/kernel/queries.h).
#include "ir/kernel/text/parse.h"

#include <algorithm>
#include <map>
#include <utility>

#include "ir/error.h"
#include "ir/kernel/queries.h"
#include "ir/kernel/text/parse_parts.h"
#include "ir/kernel/text/print.h"
#include "ir/kernel/verify.h"
#include "ir/text/cursor.h"
#include "ir/text/parse_parts.h"
#include "ir/text/suggest.h"
#include "ir/visible.h"

namespace weft::kernel {

namespace {

using ir::Cursor;
using ir::Position;
using ir::Token;

// Where the parts of a kernel stand.
struct Places {
  Position kernel;
  std::vector<Position> dims, buffers, nodes, stores;

  Position of(const Fault& fault) const {
    const std::vector<Position>* const parts[] = {nullptr, &dims, &buffers, &nodes, &stores};
    const std::vector<Position>* part = parts[int(fault.part)];
    return part && fault.index < part->size() ? (*part)[fault.index] : kernel;
  }
};

// A heading: when the lines below it are computed.
struct Section {
  enum class Kind : std::uint8_t { none, points, row_stage, row_end, final };
  Kind kind = Kind::none;
  int stage = 0;

  Level stores() const {
    return kind == Kind::final ? Level::final : kind == Kind::row_end ? Level::row : Level::point;
  }
};

class KernelParser {
 public:
  explicit KernelParser(Cursor& cursor) : cursor_(cursor) {}

  Kernel run() {
    places_.kernel = cursor_.peek().at;
    if (!cursor_.accept_word("kernel")) cursor_.fail_expected("'kernel'");
    kernel_.name = cursor_.expect_name("the kernel's name");
    cursor_.expect(":", "after the kernel's name");
    const Position at = cursor_.peek().at;
    const std::int64_t points = cursor_.expect_integer("the number of points");
    words({"points"});
    while (cursor_.at_word("loop") || (cursor_.at_word("row") && cursor_.peek(1).text != "stage")) dim();
    while (at_buffer()) buffer();
    for (const Buffer& each : kernel_.buffers) kernel_.arguments += each.literal.empty();
    while (at_heading()) {
      heading();
      while (cursor_.peek().kind == Token::Kind::value || at_buffer_use()) line();
    }
    finish();
    if (const std::optional<Fault> fault = find_fault(kernel_)) cursor_.fail_at(places_.of(*fault), "{}", fault->text);
    if (points != kernel_.points())
      cursor_.fail_at(at, "the kernel has {} points here, its loops have {}", points, kernel_.points());
    return std::move(kernel_);
  }

 private:
  void words(std::initializer_list<std::string_view> all) {
    for (const std::string_view word : all)
      if (!cursor_.accept_word(word)) cursor_.fail_expected(fmt::format("'{}'", word));
  }

  // Loops and buffers

  void dim() {
    places_.dims.push_back(cursor_.peek().at);
    Dim dim;
    dim.row = cursor_.take().text == "row";
    const Position at = cursor_.peek().at;
    const std::string loop = cursor_.expect_word("a loop such as i0");
    if (loop != fmt::format("i{}", kernel_.dims.size()))
      cursor_.fail_at(at, "expected i{}: loops are numbered in order, found '{}'", kernel_.dims.size(), brief(loop));
    cursor_.expect("<", "before the loop's size");
    dim.size = cursor_.expect_integer("the loop's size");
    if (cursor_.accept(",")) {
      words({"across", "lanes"});
      if (kernel_.lane >= 0) cursor_.fail_at(at, "i{} lies across lanes already", kernel_.lane);
      kernel_.lane = int(kernel_.dims.size());
    }
    kernel_.dims.push_back(dim);
  }

  bool at_buffer() const { return cursor_.at_word("input") || cursor_.at_word("output") || cursor_.at_word("literal"); }

  void buffer() {
    const Position start = cursor_.peek().at;
    const std::string kind = cursor_.take().text;
    Buffer buffer;
    buffer.output = kind == "output";
    const std::string key = buffer_name(buffer);
    if (!(buffer.output ? outputs_ : inputs_).emplace(key, std::uint32_t(kernel_.buffers.size())).second)
      cursor_.fail_at(start, "two buffers are named {}", brief(key));
    cursor_.expect(":", "after the buffer's name");
    buffer.dtype = cursor_.expect_dtype("the buffer's dtype, such as f32");
    if (kind == "literal") {
      cursor_.expect("=", "before the literal's numbers");
      cursor_.expect("[", "before the literal's numbers");
      cursor_.list("]", "or ',' after a number", [&] { buffer.literal.push_back(cursor_.expect_number("a number")); });
      if (buffer.literal.empty()) cursor_.fail_at(start, "a literal holds numbers, this one none");
    }
    places_.buffers.push_back(start);
    kernel_.buffers.push_back(std::move(buffer));
  }

  // Reads a name as it is printed; sets that of the buffer.
  std::string buffer_name(Buffer& buffer) {
    const Token token = cursor_.peek();
    const std::string name = cursor_.expect_name("a buffer's name");
    const bool is_unnamed = token.kind == Token::Kind::word && is_argument_name(name);
    const std::string own = fmt::format("arg{}", kernel_.buffers.size());
    if (is_unnamed && name != own)
      cursor_.fail_at(token.at, "expected {}: a buffer without a name is numbered, found '{}'", own, brief(name));
    buffer.name = is_unnamed ? "" : name;
    return spelled(token, name);
  }

  // With the number of a name that several have.
  std::string spelled(const Token& token, const std::string& name) {
    const bool is_quoted = token.kind == Token::Kind::text && is_argument_name(name);
    std::string key = is_quoted ? ir::spell_text(name) : ir::spell_name(name);
    if (cursor_.accept("#")) key += fmt::format("#{}", cursor_.expect_integer("a number after '#'"));
    return key;
  }

  bool at_buffer_use() const {
    const Token::Kind kind = cursor_.peek().kind;
    const std::string& next = cursor_.peek(1).text;
    return (kind == Token::Kind::word || kind == Token::Kind::text) && (next == "[" || next == "#");
  }

  std::uint32_t use_buffer(const std::map<std::string, std::uint32_t>& known, std::string_view what) {
    const Token token = cursor_.peek();
    const std::string name = cursor_.expect_name(what);
    const std::string key = spelled(token, name);
    if (const auto found = known.find(key); found != known.end()) return found->second;
    std::vector<std::string> names;
    for (const auto& [each, index] : known) names.push_back(each);
    cursor_.fail_at(token.at, "there is no {} {}{}", what, brief(key), did_you_mean(key, names));
  }

  // Sections

  bool at_heading() const {
    return (cursor_.at_word("at") || cursor_.at_word("row") || cursor_.at_word("after")) &&
           cursor_.peek(1).kind == Token::Kind::word;
  }

  void heading() {
    const Position at = cursor_.peek().at;
    Section next;
    if (cursor_.accept_word("row")) {
      words({"stage"});
      next.kind = Section::Kind::row_stage;
      const std::int64_t stage = cursor_.expect_integer("the stage's number");
      const int expected = section_.kind == Section::Kind::row_stage ? section_.stage + 1 : 0;
      if (stage != expected) cursor_.fail_at(at, "expected row stage {}, found {}", expected, stage);
      next.stage = kernel_.row_stages = expected;
    } else if (cursor_.accept_word("after")) {
      words({"all", "points"});
      next.kind = Section::Kind::final;
    } else {
      words({"at"});
      next.kind = cursor_.accept_word("each") ? Section::Kind::points : Section::Kind::row_end;
      if (next.kind == Section::Kind::points)
        words({"point"});
      else
        words({"the", "end", "of", "each", "row"});
      next.stage = next.kind == Section::Kind::points ? 0 : kernel_.row_stages + 1;
    }
    cursor_.expect(":", "after the heading");
    const bool goes_on = next.kind == Section::Kind::row_stage && section_.kind == Section::Kind::row_stage;
    const bool mixes = next.kind == Section::Kind::row_stage && section_.kind == Section::Kind::points;
    if (mixes || (next.kind <= section_.kind && !goes_on))
      cursor_.fail_at(
          at,
          "sections stand in the order in which they are computed, each once: at each point, or row stages; "
          "at the end of each row; after all points");
    section_ = next;
  }

  void line() {
    if (cursor_.peek().kind == Token::Kind::value)
      node();
    else
      store();
  }

  void node() {
    const Token token = cursor_.take();
    if (!token.text.empty())
      cursor_.fail_at(token.at, "{} has a name, but nodes are numbered: %0, %1", describe(token));
    if (const auto found = nodes_.find(token.ordinal); found != nodes_.end())
      cursor_.fail_at(token.at, "{} is defined already, at {}", describe(token), cursor_.place(found->second.at));
    cursor_.expect("=", "after the node");
    Entry entry{token.at, {}};
    Node& node = entry.node;
    right_side(node);
    cursor_.expect(":", "before the node's dtype");
    node.dtype = cursor_.expect_dtype("the node's dtype, such as f32");
    if (cursor_.accept("#")) node.name = cursor_.expect_name("the name of a value after '#'");
    node.stage = section_.stage;
    node.level = section_.kind == Section::Kind::final ? Level::final : Level::point;
    nodes_.emplace(token.ordinal, std::move(entry));
  }

  void right_side(Node& node) {
    node.map.strides.resize(kernel_.dims.size(), 0);
    const Token token = cursor_.peek();
    if (at_buffer_use()) return load(node);
    if (token.kind == Token::Kind::number || cursor_.at_word("inf") || cursor_.at_word("nan")) {
      node.value = cursor_.expect_number("a number");
      return;
    }
    if (cursor_.accept_word("index")) {
      node.kind = NodeKind::index;
      read_address(cursor_, node);
      return;
    }
    node.code = read_code(cursor_);
    if (ir::has(node.code, ir::Trait::random)) return random(node);
    node.kind = NodeKind::op;
    do node.operands.push_back(use(cursor_.expect_value("an operand such as %0")));
    while (cursor_.accept(","));
    if (cursor_.accept_word("over")) return reduction(node);
    node.of_unit = cursor_.accept_word("of");
    if (node.of_unit) words({"unit"});
  }

  void load(Node& node) {
    node.kind = NodeKind::load;
    node.buffer = use_buffer(inputs_, "input or literal");
    cursor_.expect("[", "after the buffer");
    read_address(cursor_, node);
    cursor_.expect("]", "after the element");
  }

  void random(Node& node) {
    node.kind = NodeKind::random;
    node.buffer = use_buffer(inputs_, "input");
    words({"stream"});
    const Position at = cursor_.peek().at;
    const std::int64_t stream = cursor_.expect_integer("the number of the stream");
    if (stream < 0 || stream > std::int64_t{0xffffffff})
      cursor_.fail_at(at, "stream {} is not a number of 32 bits", stream);
    node.stream = std::uint32_t(stream);
    words({"element"});
    read_address(cursor_, node);
  }

  // Behind `over`.
  void reduction(Node& node) {
    if (cursor_.accept_word("the")) {
      words({"row"});
      node.kind = NodeKind::row_reduce;
    } else {
      words({"all", "points", "into"});
      node.kind = NodeKind::final_reduce;
      node.extent = cursor_.expect_integer("the number of accumulators");
      words({"at"});
      cursor_.expect("[", "before the accumulator");
      read_address(cursor_, node);
      cursor_.expect("]", "after the accumulator");
    }
    if (!cursor_.accept(",")) return;
    words({"once", "along"});
    do node.once |= bit(read_loop(cursor_, int(kernel_.dims.size())));
    while (cursor_.accept(","));
  }

  NodeId use(const Token& token) {
    if (!token.text.empty() || !nodes_.contains(token.ordinal))
      cursor_.fail_at(token.at, "{} is not defined before this", describe(token));
    return token.ordinal;
  }

  void store() {
    StoreEntry made{cursor_.peek().at, section_, {}};
    Node address;  // a store has no computed indices
    address.map.strides.resize(kernel_.dims.size(), 0);
    made.store.buffer = use_buffer(outputs_, "output");
    cursor_.expect("[", "after the buffer");
    read_address(cursor_, address);
    if (!address.operands.empty()) cursor_.fail_at(made.at, "only a load reads at computed places");
    cursor_.expect("]", "after the element");
    cursor_.expect("=", "before what is stored");
    made.store.value = use(cursor_.expect_value("a node such as %0"));
    made.store.map = std::move(address.map);
    made.store.dims = nonzero(made.store.map);
    made.store.level = section_.stores();
    stores_.push_back(std::move(made));
  }

  // Nodes by number, stores by buffer, and what follows.
  void finish() {
    for (auto& [number, entry] : nodes_) {
      if (number != kernel_.nodes.size())
        cursor_.fail_at(entry.at, "%{} is missing: nodes are numbered from %0 without gaps", kernel_.nodes.size());
      Node& node = entry.node;
      for (const NodeId operand : node.operands)
        if (operand >= number) cursor_.fail_at(entry.at, "it reads %{}, but operands are earlier nodes", operand);
      node.varies = varies_of(kernel_, node);
      if (node.level != Level::final && level_of(kernel_, node) == Level::row) node.level = Level::row;
      places_.nodes.push_back(entry.at);
      kernel_.nodes.push_back(std::move(node));
    }
    std::stable_sort(stores_.begin(), stores_.end(),
                     [](const StoreEntry& a, const StoreEntry& b) { return a.store.buffer < b.store.buffer; });
    for (StoreEntry& each : stores_) {
      if (each.section.kind == Section::Kind::row_stage && each.section.stage != kernel_.row_stages)
        cursor_.fail_at(each.at, "stored in row stage {}, but points are stored in the last, {}", each.section.stage,
                        kernel_.row_stages);
      places_.stores.push_back(each.at);
      kernel_.stores.push_back(std::move(each.store));
    }
  }

  struct Entry {
    Position at;
    Node node;
  };
  struct StoreEntry {
    Position at;
    Section section;
    Store store;
  };

  Cursor& cursor_;
  Kernel kernel_;
  Places places_;
  Section section_;
  std::map<std::string, std::uint32_t> inputs_, outputs_;  // by their names in the text
  std::map<NodeId, Entry> nodes_;
  std::vector<StoreEntry> stores_;
};

}  // namespace

bool is_kernel_text(std::string_view text) {
  const auto starts = [&](std::string_view word) { return text.substr(0, word.size()) == word; };
  for (;;) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
    if (!starts("//") && !starts("weft ")) return starts("kernel ");
    text.remove_prefix(std::min(text.find('\n'), text.size()));
  }
}

std::vector<Kernel> parse(std::string_view text, const std::string& file) {
  Cursor cursor(text, file);
  read_version(cursor, false);
  std::vector<Kernel> kernels;
  while (!cursor.at_end()) {
    const Position at = cursor.peek().at;
    Kernel kernel = KernelParser(cursor).run();
    for (const Kernel& each : kernels)
      if (each.name == kernel.name) cursor.fail_at(at, "two kernels are named {}", brief(kernel.name));
    kernels.push_back(std::move(kernel));
  }
  return kernels;
}

Kernel parse_kernel(std::string_view text, const std::string& file) {
  std::vector<Kernel> kernels = parse(text, file);
  if (kernels.size() != 1) fail("{}:1:1: expected one kernel, found {}", file, kernels.size());
  return std::move(kernels[0]);
}

}  // namespace weft::kernel
