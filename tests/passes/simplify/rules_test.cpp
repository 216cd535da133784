// Every rule of simplify on an instance of its own, before and after by the reference interpreter, on operands made of
// the numbers that rules go wrong on: NaN, infinities, both zeros, denormals, the largest; for integers their extremes.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <set>

#include "backends/reference/reference.h"
#include "ir/error.h"
#include "ir/text/parse.h"
#include "ir/text/print.h"
#include "ir/verify.h"
#include "passes/simplify/rule.h"
#include "tests/passes/simplify/rule_instances.h"

using namespace weft;
using namespace weft::test;
using ir::DType;
using ir::OpCode;
using passes::GraphPtr;
using passes::Rule;
using reference::Tensor;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

const std::map<std::string, std::string>& operand_types() {
  static const std::map<std::string, std::string> types = {
      {"x", "T[5,7]"},  {"y", "T[5,7]"},    {"z", "T[5,7]"},    {"s", "T[]"},    {"t", "T[]"},       {"col", "T[5,1]"},
      {"row", "T[7]"},  {"wide", "T[1,7]"}, {"one", "T[1,1]"},  {"m", "T[7,3]"}, {"b", "bool[5,7]"}, {"q", "bool[5,7]"},
      {"u", "u8[5,7]"}, {"i", "i32[4]"},    {"seed", "i32[4]"}, {"sq", "T[5,5]"}};
  return types;
}

std::string replace_dtype(std::string text, const std::string& dtype) {
  for (std::size_t at = text.find("T["); at != std::string::npos; at = text.find("T[", at)) text.replace(at, 1, dtype);
  return text;
}

// The operands that the body names.
std::string header_of(const Instance& each) {
  std::string inputs;
  for (const auto& [name, type] : operand_types()) {
    bool used = false;
    for (const char after : {' ', ',', '\n'})
      used = used || (each.body + "\n").find("%" + name + after) != std::string::npos;
    if (used) inputs += (inputs.empty() ? "%" : ", %") + name + ": " + type;
  }
  return "graph @g(" + inputs + ") -> (r: " + each.type + ") {\n" + each.body + "\n return %r\n}";
}

// Nothing where the ops do not take that dtype.
GraphPtr graph_of(const Instance& each, const std::string& dtype) {
  try {
    return std::make_shared<const ir::Graph>(ir::parse_graph(replace_dtype(header_of(each), dtype), each.rule));
  } catch (const Error&) {
    return nullptr;
  }
}

std::vector<double> special_numbers(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return {kNaN, kInfinity, -kInfinity, 0., -0., 0x1p-149, -0x1p-126, 3.402823466e38, -3.402823466e38, 1, -1, 0.5};
    case DType::bf16:
      return {kNaN, kInfinity, -kInfinity, 0., -0., 0x1p-133, 0x1.fep127, -0x1.fep127, 1, -1, 0.5};
    case DType::f16:
      return {kNaN, kInfinity, -kInfinity, 0., -0., 0x1p-24, 65504, -65504, 1, -1, 0.5};
    case DType::i32:
      return {-2147483648., 2147483647., -2147483647., 65536, 46341, 0, 1, -1, 2, 3};
    case DType::u8:
      return {0, 1, 127, 128, 255};
    case DType::boolean:
      return {0, 1};
  }
  return {};
}

// Round 0, 3, ..: anything; 1, 4, ..: ordinary numbers and one special one; 2, 5, ..: ordinary numbers.
std::vector<Tensor> operands_of(const ir::Graph& graph, unsigned round) {
  std::mt19937 random(round);
  std::vector<Tensor> operands;
  for (const ir::Input& input : graph.inputs) {
    Tensor tensor = reference::filled(graph.type(input.value), 0);
    const DType dtype = tensor.type.dtype;
    const std::vector<double> special = special_numbers(dtype);
    const auto any_special = [&] { return special[random() % special.size()]; };
    for (double& each : tensor.data) {
      const double ordinary = ir::is_float(dtype)   ? reference::round_to(dtype, double(int(random() % 65) - 32) / 8)
                              : dtype == DType::i32 ? double(int(random() % 33) - 16)
                                                    : any_special();
      each = round % 3 == 0 ? any_special() : ordinary;
    }
    if (round % 3 == 1) tensor.data[random() % tensor.data.size()] = any_special();
    operands.push_back(std::move(tensor));
  }
  return operands;
}

// Whether infinities come up: given, or by a division by 0.
bool has_infinity(const ir::Graph& graph, const std::vector<Tensor>& tensors) {
  bool divides = false;
  for (const ir::Op& op : graph.ops) divides = divides || op.code == OpCode::div;
  for (const Tensor& tensor : tensors)
    for (const double each : tensor.data)
      if (std::isinf(each) || (divides && each == 0)) return true;
  return false;
}

double relative_rounding(DType dtype) { return dtype == DType::bf16 ? 0x1p-6 : dtype == DType::f16 ? 0x1p-9 : 1e-6; }

// The largest finite number among the operands: what a sum that cancels is rounded to.
double scale_of(const std::vector<Tensor>& operands) {
  double largest = 1;
  for (const Tensor& tensor : operands)
    for (const double each : tensor.data)
      if (std::isfinite(each)) largest = std::max(largest, std::abs(each));
  return largest;
}

bool agree(double before, double after, Promise promise, bool infinities, double relative, double absolute) {
  if (promise == Promise::rearranges && infinities)
    if (!std::isfinite(before) || !std::isfinite(after)) return std::isfinite(before) == std::isfinite(after);
  if (std::isnan(before) || std::isnan(after)) return std::isnan(before) && std::isnan(after);
  if (before == after) return true;  // of zeros either
  return std::abs(before - after) <= relative * std::max(std::abs(before), std::abs(after)) + absolute;
}

// Where the graphs differ, "" where they do not. As backends compute, in floats, only where the promise holds so.
std::string difference(const ir::Graph& before, const ir::Graph& after, const Instance& each, DType dtype, int rounds) {
  for (int round = 0; round < rounds; ++round) {
    const std::vector<Tensor> operands = operands_of(before, unsigned(round));
    for (const bool floats : {false, true}) {
      if (floats && each.promise == Promise::rearranges) continue;
      const auto run = [&](const ir::Graph& graph) {
        return floats ? reference::run<float>(graph, operands) : reference::run<double>(graph, operands);
      };
      const Tensor a = run(before)[0], b = run(after)[0];
      const bool whole = !ir::is_float(a.type.dtype);
      const double relative = whole ? 0 : floats ? relative_rounding(dtype) : 1e-7;
      const double absolute = whole                                 ? 0
                              : each.promise == Promise::rearranges ? 1e-13 * scale_of(operands)
                              : floats                              ? 1e-44
                                                                    : 0;
      for (std::size_t i = 0; i < a.data.size(); ++i)
        if (!agree(a.data[i], b.data[i], each.promise, has_infinity(before, operands), relative, absolute))
          return fmt::format("round {}, element {}, in {}: {} before, {} after", round, i,
                             floats ? "floats" : "doubles", a.data[i], b.data[i]);
    }
  }
  return "";
}

std::vector<Rule> all_rules() {
  std::vector<Rule> all;
  for (const auto& table : {passes::arithmetic_rules(), passes::movement_rules(), passes::reduction_rules()})
    all.insert(all.end(), table.begin(), table.end());
  return all;
}

// Rules of a family share their text: the root tells them apart.
std::string key(const std::string& text, OpCode root) { return text + " [" + std::string(ir::name(root)) + "]"; }
OpCode root_of(const ir::Graph& graph) { return graph.producer(graph.outputs[0].value)->code; }

}  // namespace

TEST_CASE("every rule keeps what its instance computes, at special numbers of every dtype") {
  constexpr int kRounds = 60;
  std::map<std::string, int> fired;
  const std::vector<Rule> rules = all_rules();
  for (const Instance& each : all_instances()) {
    CAPTURE(each.rule);
    CAPTURE(each.body);
    bool known = false, parsed = false;
    for (const char* dtype : {"f32", "bf16", "f16", "i32"}) {
      CAPTURE(dtype);
      const GraphPtr graph = graph_of(each, dtype);
      parsed = parsed || graph;
      if (!graph) continue;
      for (const Rule& rule : rules) {
        if (rule.text != each.rule || rule.root() != root_of(*graph)) continue;
        known = true;
        const GraphPtr after = passes::apply_rules(graph, {rule});
        if (after == graph) continue;  // a rule may decline a dtype
        ir::verify(*after);
        ++fired[key(rule.text, rule.root())];
        CAPTURE(ir::print(*after));
        CHECK(difference(*graph, *after, each, *ir::parse_dtype(dtype), kRounds) == "");
      }
    }
    CHECK(parsed);
    CHECK(known);  // else the table names no rule
  }
  int applied = 0;
  for (const Rule& rule : rules) {
    const std::string name = key(rule.text, rule.root());
    CAPTURE(name);
    CHECK(fired[name] > 0);  // a new rule needs an instance here
    applied += fired[name];
  }
  MESSAGE(rules.size() << " rules, " << applied << " instances by dtype, " << kRounds << " sets of operands each");
}

TEST_CASE("rules stay away where a condition does not hold") {
  const Instance declined[] = {
      {"matmul(transpose(x), y) -> matmul(x, y)", "T[5,3]",
       "%p = transpose %x {perm=[0,1]} : T[5,7]\n%r = matmul %p, %m"},
      {"matmul(transpose(x), y) -> matmul(x, y)", "T[5,5]",
       "%p = transpose %sq {perm=[0,1]} : T[5,5]\n%r = matmul %sq, %p"},
      {"transpose(matmul(x, y)) -> matmul(y, x)", "T[5,3]", "%p = matmul %x, %m\n%r = transpose %p {perm=[0,1]}"},
      {"(x * c) * d -> x * (c * d)", "T[5,7]", "%c = constant {values=1e20} : T[]\n%p = mul %x, %c\n%r = mul %p, %c"},
      {"sum(x * y) -> sum(x) * y, y the same for all terms", "T[5,1]",
       "%p = mul %x, %row\n%r = reduce_sum %p {axes=[1]}"},
      {"f(x) -> x, of the same dims", "T[3,7]", "%r = slice %x {start=[2,0]} : T[3,7]"},
      {"cast(cast(x)) -> cast(x), where the inner one loses nothing", "T[5,7]",
       "%p = cast %x : u8[5,7]\n%r = cast %p : T[5,7]"},
      {"x * c + y * d -> (x + y) * c, d = c", "T[5,7]",
       "%c = constant {values=inf} : T[]\n%p = mul %x, %c\n%a = mul %y, %c\n%r = add %p, %a"},
  };
  for (const Instance& each : declined) {
    CAPTURE(each.body);
    const GraphPtr graph = graph_of(each, "f32");
    REQUIRE(graph);
    bool known = false;
    for (const Rule& rule : all_rules()) {
      if (rule.text != each.rule || rule.root() != root_of(*graph)) continue;
      known = true;
      CHECK(passes::apply_rules(graph, {rule}) == graph);
    }
    CHECK(known);
  }
  // A sum of so many terms that f16 has no number for their count.
  const GraphPtr many =
      std::make_shared<const ir::Graph>(ir::parse_graph("graph @g(%x: f16[1]) -> (r: f16[1]) {\n %w = broadcast %x : "
                                                        "f16[70000]\n %r = reduce_sum %w {axes=[0]}\n return %r\n}",
                                                        ""));
  CHECK(passes::apply_rules(many, all_rules()) == many);
}

TEST_CASE("constants are folded to what the ops compute, at special numbers") {
  int folded = 0;
  std::set<OpCode> codes;
  for (const Rule& rule : all_rules()) {
    if (rule.text != "f(constants) -> constant") continue;
    const OpCode f = rule.root();
    CAPTURE(ir::name(f));
    for (const char* dtype : {"f32", "i32", "bool", "bf16", "f16", "u8"}) {
      const std::vector<double> special = special_numbers(*ir::parse_dtype(dtype));
      const std::vector<double> others = {0.1, 0.3, 0.7, 10, 1e300, -1e300, 1e-300, 16777217};
      std::vector<double> numbers = special;
      if (ir::is_float(*ir::parse_dtype(dtype))) numbers.insert(numbers.end(), others.begin(), others.end());
      for (const double a : numbers)
        for (const double& b : numbers) {
          const int arity = ir::info(f).min_arity;
          if (arity == 1 && &b != &numbers.front()) continue;
          std::string body =
              fmt::format("%c = constant {{values={}}} : T[]\n%d = constant {{values={}}} : T[]\n", a, b);
          if (arity == 3) body += "%o = constant {values=1} : bool[]\n";
          std::string type = f == OpCode::cast ? "i32[]" : "T[]";
          const std::string operands = arity == 1 ? "%c" : arity == 2 ? "%c, %d" : "%o, %c, %d";
          for (const char* result : {"T[]", "bool[]", "i32[]", "u8[]", "f32[]"}) {
            if (f != OpCode::cast &&
                (std::string(result) == "i32[]" || std::string(result) == "u8[]" || std::string(result) == "f32[]"))
              continue;
            const Instance each{rule.text, result,
                                body + fmt::format("%r = {} {} : {}", ir::name(f), operands, result)};
            const GraphPtr graph = graph_of(each, dtype);
            if (!graph) continue;
            const GraphPtr after = passes::apply_rules(graph, {rule});
            if (after == graph) continue;
            ++folded;
            codes.insert(f);
            const double before_value = reference::run<float>(*graph, {})[0].data[0];
            const double after_value = reference::run<float>(*after, {})[0].data[0];
            const bool whole = !ir::is_float(graph->type(graph->outputs[0].value).dtype);
            if (agree(before_value, after_value, Promise::exact, false, whole ? 0 : 4e-6, whole ? 0 : 1e-44)) continue;
            CAPTURE(ir::print(*graph));
            CHECK(before_value == after_value);
          }
        }
    }
    CHECK(codes.count(f) == 1);
  }
  MESSAGE(folded << " constants folded of " << codes.size() << " ops");
}
