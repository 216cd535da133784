// Reads the text form: the grammar of docs/reference/ir.md, one function per rule. Types are checked op by op, so an
// error names its line; `verify` checks what concerns the whole graph.
#include "ir/text/parse.h"

#include <map>
#include <utility>

#include "ir/builder.h"
#include "ir/error.h"
#include "ir/text/cursor.h"
#include "ir/text/parse_parts.h"
#include "ir/text/suggest.h"
#include "ir/verify.h"

namespace weft::ir {

namespace {

constexpr int kDeepestBody = 16;  // fused in fused in ...

// A graph during parsing: names in scope, and where each value is defined.
struct Scope {
  Graph graph;
  std::map<std::pair<std::string, std::uint32_t>, ValueId> values;
  std::vector<Position> defined_at;  // by value
};

// An output as `return` or `yield` writes it: an empty name means the name in the header or of the result.
struct Returned {
  std::string name;
  Position at;
  ValueId value = kNone;
  std::uint32_t donates = kNone;
};

std::vector<std::string> op_names() {
  std::vector<std::string> names;
  for (const OpInfo& row : op_table()) names.emplace_back(row.name);
  return names;
}

class Parser {
 public:
  Parser(std::string_view text, std::string file) : cursor_(text, std::move(file)) {}

  Module run(bool version_required) {
    Module module;
    read_version(cursor_, version_required);
    if (cursor_.accept_word("module")) {
      cursor_.expect("@", "before the module's name");
      module.name = cursor_.expect_name("the module's name");
    }
    while (!cursor_.at_end()) {
      const Position start = cursor_.peek().at;
      if (!cursor_.accept_word("graph")) cursor_.fail_expected("'graph'");
      Graph graph = read_graph();
      if (module.find(graph.name)) cursor_.fail_at(start, "two graphs are named @{}", graph.name);
      module.graphs.push_back(std::move(graph));
    }
    return module;
  }

  [[noreturn]] void fail_count(std::size_t graphs) const {
    fail("{}: expected one graph, found {}", cursor_.place({}), graphs);
  }

 private:
  Graph read_graph() {
    const Position start = cursor_.peek().at;
    Scope scope;
    cursor_.expect("@", "before the graph's name");
    scope.graph.name = cursor_.expect_name("the graph's name");
    cursor_.expect("(", "before the inputs");
    cursor_.list(")", "or ',' after an input", [&] { read_input(scope); });
    cursor_.expect("->", "after the inputs");
    std::vector<std::pair<std::string, Type>> header = read_results();
    cursor_.expect("{", "before the ops");
    read_ops(scope, 0);
    const Position at = cursor_.peek().at;
    if (!cursor_.accept_word("return")) cursor_.fail_expected("an op or 'return'");
    const std::vector<Returned> returned = read_returned(scope);
    cursor_.expect("}", "after the returned values");
    match_header(scope, header, returned, at);
    verify_at(scope.graph, start);
    return std::move(scope.graph);
  }

  void verify_at(const Graph& graph, Position at) const {
    try {
      verify(graph);
    } catch (const Error& error) {
      cursor_.fail_at(at, "{}", error.what());
    }
  }

  // Inputs

  void read_input(Scope& scope) {
    const Token token = cursor_.expect_value("an input such as %x");
    cursor_.expect(":", "after the input's name");
    Input input;
    Type type = cursor_.expect_type();
    if (cursor_.accept("{"))
      cursor_.list("}", "or ',' after a fact of an input", [&] { read_input_fact(cursor_, input); });
    input.value = define(scope, token, std::move(type), kNone, 0);
    scope.graph.inputs.push_back(std::move(input));
  }

  // Ops

  // Reads ops up to `return`, `yield` or a token that cannot begin an op.
  void read_ops(Scope& scope, int depth) {
    while (cursor_.peek().kind == Token::Kind::value) {
      std::vector<Token> results;
      do results.push_back(cursor_.expect_value("a result such as %h"));
      while (cursor_.accept(","));
      cursor_.expect("=", "after the results");
      read_op(scope, results, depth);
      cursor_.accept(";");
    }
  }

  void read_op(Scope& scope, const std::vector<Token>& results, int depth) {
    const Position start = cursor_.peek().at;
    const std::string op_name = cursor_.expect_word("an op");
    const std::optional<OpCode> code = parse_op(op_name);
    if (!code) cursor_.fail_at(start, "unknown op '{}'{}", op_name, did_you_mean(op_name, op_names()));
    Op op;
    op.code = *code;
    if (*code == OpCode::fused)
      read_body(scope, op, results, depth);
    else
      read_operands(scope, op);
    if (cursor_.accept("{")) op.attrs = read_attrs(cursor_, *code);
    std::vector<Type> written;
    if (cursor_.accept(":")) {
      do written.push_back(cursor_.expect_type());
      while (cursor_.accept(","));
      if (written.size() != results.size())
        cursor_.fail_at(start, "[{}] {} result(s) on the left, {} type(s) on the right", op_name, results.size(),
                        written.size());
    }
    if (cursor_.accept("@")) op.location = read_where(cursor_);
    const std::vector<Type> types =
        *code == OpCode::fused ? body_types(op, written, start) : infer_type(scope, op, results, written, start);
    const OpId id = OpId(scope.graph.ops.size());
    for (std::uint32_t i = 0; i < results.size(); ++i) op.results.push_back(define(scope, results[i], types[i], id, i));
    scope.graph.ops.push_back(std::move(op));
  }

  void read_operands(const Scope& scope, Op& op) {
    if (cursor_.peek().kind != Token::Kind::value) return;
    // The list cannot run into the next op, because an op without operands has attributes or a type.
    do op.operands.push_back(use(scope, cursor_.expect_value("an operand")));
    while (cursor_.accept(","));
  }

  std::vector<Type> infer_type(const Scope& scope, const Op& op, const std::vector<Token>& results,
                               const std::vector<Type>& written, Position at) const {
    if (results.size() != 1)
      cursor_.fail_at(at, "[{}] makes 1 result, but {} names stand on the left", name(op.code), results.size());
    std::vector<Type> types;
    for (const ValueId operand : op.operands) types.push_back(scope.graph.type(operand));
    try {
      return {infer(op.code, types, op.attrs, written.empty() ? std::nullopt : std::optional<Type>(written[0]))};
    } catch (const Error& error) {
      fail_op(scope, op, error.what(), at);
    }
  }

  [[noreturn]] void fail_op(const Scope& scope, const Op& op, const std::string& what, Position at) const {
    std::string sources;
    for (std::size_t i = 0; i < op.operands.size(); ++i) {
      const Value& value = scope.graph.values[op.operands[i]];
      sources += fmt::format("{}{} {} from {}", i == 0 ? "\n  " : ", ",
                             value.name.empty() ? fmt::format("operand {}", i) : "%" + value.name,
                             to_string(value.type), cursor_.place(scope.defined_at[op.operands[i]]));
    }
    cursor_.fail_at(at, "[{}] {}{}", name(op.code), what, sources);
  }

  // Fused

  void read_body(const Scope& outer, Op& op, const std::vector<Token>& results, int depth) {
    const Position start = cursor_.peek().at;
    if (depth == kDeepestBody) cursor_.fail_at(start, "fused ops are nested deeper than {}", kDeepestBody);
    Scope scope;
    if (cursor_.accept("@")) scope.graph.name = cursor_.expect_name("the body's name");
    cursor_.expect("(", "before the operands of fused");
    cursor_.list(")", "or ',' after an operand", [&] { read_body_input(outer, op, scope); });
    cursor_.expect("{", "before the body of fused");
    read_ops(scope, depth + 1);
    const Position at = cursor_.peek().at;
    if (!cursor_.accept_word("yield")) cursor_.fail_expected("an op or 'yield'");
    const std::vector<Returned> returned = read_returned(scope);
    cursor_.expect("}", "after the yielded values");
    if (returned.size() != results.size())
      cursor_.fail_at(at, "[fused] {} result(s) on the left, {} value(s) yielded", results.size(), returned.size());
    for (std::size_t i = 0; i < returned.size(); ++i)
      scope.graph.outputs.push_back(
          {returned[i].name.empty() ? results[i].text : returned[i].name, returned[i].value, returned[i].donates});
    op.body = std::make_shared<const Graph>(std::move(scope.graph));
  }

  // `%inner = %outer`, or `%x` for both.
  void read_body_input(const Scope& outer, Op& op, Scope& scope) {
    const Token inner = cursor_.expect_value("an operand of fused");
    const ValueId operand = use(outer, cursor_.accept("=") ? cursor_.expect_value("an operand after '='") : inner);
    op.operands.push_back(operand);
    scope.graph.inputs.push_back({define(scope, inner, outer.graph.type(operand), kNone, 0), Role::data, {}, {}});
  }

  std::vector<Type> body_types(const Op& op, const std::vector<Type>& written, Position at) const {
    std::vector<Type> types;
    for (const Output& output : op.body->outputs) types.push_back(op.body->type(output.value));
    for (std::size_t i = 0; i < written.size(); ++i)
      if (written[i] != types[i])
        cursor_.fail_at(at, "[fused] the body yields {}, but {} is written", to_string(types[i]),
                        to_string(written[i]));
    return types;
  }

  // Results

  // `(loss: f32[], ...)`, or one type for an output that has the name of its value.
  std::vector<std::pair<std::string, Type>> read_results() {
    std::vector<std::pair<std::string, Type>> results;
    if (!cursor_.accept("(")) return {{"", cursor_.expect_type()}};
    cursor_.list(")", "or ',' after an output", [&] {
      std::string output = cursor_.expect_name("an output such as loss: f32[]");
      cursor_.expect(":", "after the output's name");
      results.emplace_back(std::move(output), cursor_.expect_type());
    });
    return results;
  }

  std::vector<Returned> read_returned(const Scope& scope) {
    std::vector<Returned> all;
    if (cursor_.at("}")) return all;
    do {
      Returned one;
      one.at = cursor_.peek().at;
      if (cursor_.peek().kind != Token::Kind::value) {
        one.name = cursor_.expect_name("a value such as %h, or loss = %h");
        cursor_.expect("=", "after the output's name");
      }
      one.value = use(scope, cursor_.expect_value("a value to return"));
      if (cursor_.accept_word("donates")) one.donates = donated_input(scope);
      all.push_back(std::move(one));
    } while (cursor_.accept(","));
    cursor_.accept(";");
    return all;
  }

  std::uint32_t donated_input(const Scope& scope) {
    const Token token = cursor_.expect_value("an input after 'donates'");
    const ValueId value = use(scope, token);
    for (std::uint32_t i = 0; i < scope.graph.inputs.size(); ++i)
      if (scope.graph.inputs[i].value == value) return i;
    cursor_.fail_at(token.at, "{} is not an input: only an input's memory can be donated", describe(token));
  }

  void match_header(Scope& scope, const std::vector<std::pair<std::string, Type>>& header,
                    const std::vector<Returned>& returned, Position at) const {
    if (header.size() != returned.size())
      cursor_.fail_at(at, "the header names {} output(s), {} returned", header.size(), returned.size());
    for (std::size_t i = 0; i < header.size(); ++i) {
      const auto& [output, type] = header[i];
      const Value& value = scope.graph.values[returned[i].value];
      if (!returned[i].name.empty() && returned[i].name != output && !output.empty())
        cursor_.fail_at(returned[i].at, "output {} is named {} here, but {} in the header", i, returned[i].name,
                        output);
      const std::string& given = returned[i].name.empty() ? value.name : returned[i].name;
      scope.graph.outputs.push_back({output.empty() ? given : output, returned[i].value, returned[i].donates});
      if (value.type != type)
        cursor_.fail_at(returned[i].at, "output {} is {} in the header, but {} is returned",
                        scope.graph.outputs.back().name, to_string(type), to_string(value.type));
    }
  }

  // Names

  ValueId define(Scope& scope, const Token& token, Type type, OpId op, std::uint32_t index) const {
    const ValueId id = ValueId(scope.graph.values.size());
    const auto [place, fresh] = scope.values.try_emplace({token.text, token.ordinal}, id);
    if (!fresh)
      cursor_.fail_at(token.at, "{} is defined already, at {}", describe(token),
                      cursor_.place(scope.defined_at[place->second]));
    scope.graph.values.push_back({std::move(type), op, index, token.text});
    scope.defined_at.push_back(token.at);
    return id;
  }

  ValueId use(const Scope& scope, const Token& token) const {
    const auto found = scope.values.find({token.text, token.ordinal});
    if (found != scope.values.end()) return found->second;
    std::vector<std::string> known;
    for (const auto& [key, value] : scope.values) known.push_back(key.first);
    const std::string near = nearest(token.text, known);
    cursor_.fail_at(token.at, "{} is not defined before this{}", describe(token),
                    near.empty() ? "" : fmt::format("; did you mean {}?", spell_value(near, 1)));
  }

  Cursor cursor_;
};

}  // namespace

Module parse(std::string_view text, const std::string& file) { return Parser(text, file).run(true); }

Graph parse_graph(std::string_view text, const std::string& file) {
  Parser parser(text, file);
  Module module = parser.run(false);
  if (module.graphs.size() != 1) parser.fail_count(module.graphs.size());
  return std::move(module.graphs[0]);
}

}  // namespace weft::ir
