// The graph IR: text form, verifier, interning, equality. Text cases for the same are in tests/ir and tests/errors.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <set>
#include <sstream>

#include "ir/builder.h"
#include "ir/error.h"
#include "ir/text/lexer.h"
#include "ir/text/parse.h"
#include "ir/text/print.h"
#include "ir/text/suggest.h"
#include "ir/verify.h"
#include "ir/visible.h"
#include "tests/cases/case_file.h"
#include "tests/ir/elementwise_ops.h"

namespace weft::ir {
namespace {

template <typename Action>
std::string error_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

void collect_ops(const Graph& graph, std::set<OpCode>& codes) {
  for (const Op& op : graph.ops) {
    codes.insert(op.code);
    if (op.body) collect_ops(*op.body, codes);
  }
}

void collect_attrs(const Graph& graph, std::set<Attr>& attrs) {
  for (const Op& op : graph.ops)
    for (const auto& [key, value] : op.attrs.values()) attrs.insert(key);
}

void check_round_trip(const Graph& graph) {
  const std::string text = print(graph);
  INFO(text);
  const Graph again = parse_graph(text, "printed");
  CHECK(equal(again, graph));
  CHECK(print(again) == text);
}

GraphPtr scale_body() {
  Builder body("scale");
  const ValueId x = body.input("x", f32({Dim("B"), 4}));
  const ValueId two = body.constant(2);
  body.output("y", body.create(OpCode::mul, {x, two}, {}, {}, "y"));
  return std::make_shared<const Graph>(body.take());
}

// A graph whose every id, name and place is good, for tests to break.
Graph good_graph() {
  Builder builder("good");
  const ValueId x = builder.input("x", f32({Dim("B"), 4}));
  const ValueId p = builder.input("p", f32({4}), Role::param, uniform_init(-0.5, 0.5));
  builder.set_where({"encoder", "model.cpp", 3});
  const ValueId sum = builder.create(OpCode::add, {x, p}, {}, {}, "sum");
  builder.output("y", builder.fused({sum}, scale_body())[0]);
  builder.output("p", p, 1);
  return builder.take();
}

TEST_CASE("text form: every op and attribute of the tables survives a round trip") {
  std::set<OpCode> codes;
  std::set<Attr> attrs;
  for (const test::Case& each : test::read_case_file(WEFT_SOURCE_DIR "/tests/ir/ops.weft").cases) {
    const Graph graph = parse_graph(each.input, each.name);
    check_round_trip(graph);
    CHECK(print(graph) == each.input);
    collect_ops(graph, codes);
    collect_attrs(graph, attrs);
  }
  for (const OpCode code : test::elementwise_ops()) {
    const Graph graph = test::graph_of_elementwise(code);
    check_round_trip(graph);
    collect_ops(graph, codes);
  }
  for (const OpInfo& row : op_table()) {
    INFO("op without a sample in tests/ir/ops.weft: ", row.name);
    CHECK(codes.count(*parse_op(row.name)) == 1);
  }
  for (const AttrInfo& row : attr_table()) {
    INFO("attribute without a sample in tests/ir/ops.weft: ", row.name);
    CHECK(attrs.count(row.attr) == 1);
  }
}

TEST_CASE("text form: names and places of any spelling") {
  Builder builder("a graph \"quoted\"\n");
  const std::vector<std::string> names = {"plain", "encoder/fc1.weight", "with-dash", "ends-",    "ends/", "a//b",
                                          "a->b",  "two words",          "12",        "\\ \"q\"", "%x",    "return"};
  std::vector<ValueId> values;
  for (const std::string& name : names) {
    builder.set_where({name, name, int(values.size())});
    const ValueId input = builder.input(name, f32({Dim("B")}));
    values.push_back(builder.create(OpCode::exp, {input}, {}, {}, name));
  }
  for (std::size_t i = 0; i < names.size(); ++i) builder.output(names[i], values[i]);
  const Graph graph = builder.take();
  verify(graph);
  check_round_trip(graph);
}

TEST_CASE("text form: names that would act on a terminal are spelled by escapes") {
  Builder builder("g\x1b[31m");
  const std::vector<std::string> names = {"a\x1b[2J", "\xe2\x80\xae", "\xff\x80", std::string("\0\x01", 2), "größe"};
  for (const std::string& name : names) {
    builder.set_where({name, name, 1});
    builder.output(name, builder.input(name, f32({Dim("B")})));
  }
  const Graph graph = builder.take();
  check_round_trip(graph);
  const std::string text = print(graph);
  CHECK(visible_lines(text) == text);
  CHECK(contains(text, R"(graph @"g\x1b[31m"()"));
  CHECK(contains(text, R"(%"\xe2\x80\xae": f32[B])"));
  CHECK(contains(text, "%\"größe\": f32[B]"));
}

TEST_CASE("text form: equal names get numbers, and lose them again") {
  Builder builder("g");
  ValueId value = builder.input("h", f32({2}));
  for (const OpCode code : {OpCode::exp, OpCode::tanh, OpCode::relu})
    value = builder.create(code, {value}, {}, {}, "h");
  value = builder.create(OpCode::neg, {value});
  builder.output("h", value);
  const Graph graph = builder.take();
  check_round_trip(graph);
  CHECK(contains(print(graph), "%h#4 = relu %h#3 : f32[2]\n  %0 = neg %h#4 : f32[2]\n  return h = %0\n"));
}

TEST_CASE("text form: numbers keep every bit") {
  for (const double value :
       {0.1, 1.0 / 3, 1e-300, -5e-324, std::numeric_limits<double>::max(), 3.0, -0.0, std::exp(1.0), 1e20,
        std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()}) {
    Builder builder("g");
    builder.output("c", builder.constant(value));
    const Graph again = parse_graph(print(builder.graph()), "printed");
    const double read = again.ops[0].attrs.numbers(Attr::values)[0];
    CHECK(read == value);
    CHECK(std::signbit(read) == std::signbit(value));
  }
  Builder builder("g");
  builder.output("c", builder.constant(std::nan("")));
  CHECK(std::isnan(parse_graph(print(builder.graph()), "printed").ops[0].attrs.numbers(Attr::values)[0]));
}

TEST_CASE("text form: inputs with roles, inits, slots and donations") {
  Builder builder("step");
  const std::vector<Slot> slots = {{"fc1/w", f32({2, 3}), 0, normal_init(0, 0.02)},
                                   {"b", f32({}), 16, {}},
                                   {"conv/w", f32({16, 1, 3, 1}), 32, {}, "Ohwi16o"}};
  builder.input("params", f32({80}), Role::param, {}, slots);
  builder.input("kernel", f32({32, 16, 3, 3}), Role::param, normal_init(0, 0.02), {}, "OIhw16i16o");
  builder.input("m", f32({80}), Role::state, constant_init(0));
  builder.input("rng", i32({4}), Role::rng);
  builder.input("lr", f32({}), Role::hyper, constant_init(0.001));
  const ValueId next = builder.create(OpCode::mul, {0, 4});
  builder.output("params", next, 0);
  builder.output("m", next, 2);
  const Graph graph = builder.take();
  verify(graph);
  check_round_trip(graph);
}

TEST_CASE("text form: a module keeps its name and the order of its graphs") {
  Module module;
  module.name = "vae";
  Builder second("decode");
  second.output("z", second.input("z", f32({Dim("B", 2)})));
  module.graphs = {good_graph(), second.take()};
  const std::string text = print(module);
  const Module again = parse(text, "printed");
  CHECK(again.name == "vae");
  REQUIRE(again.graphs.size() == 2);
  CHECK(equal(again.graphs[0], module.graphs[0]));
  CHECK(equal(again.graphs[1], module.graphs[1]));
  CHECK(print(again) == text);
}

TEST_CASE("text form: white space, comments, last commas and missing types do not matter") {
  const Graph graph = parse_graph(
      "graph\n@g( %x :f32 [ B , 4, ] { role = data , } , )->f32[B,4]{// a comment\n%y=exp %x;%z = fused(%y,) "
      "{%0=neg %y ; yield %0} return %z }",
      "odd");
  CHECK(print(graph) ==
        "graph @g(%x: f32[B,4]) -> (z: f32[B,4]) {\n  %y = exp %x : f32[B,4]\n  %z = fused(%y) {\n"
        "    %0 = neg %y : f32[B,4]\n    yield %0\n  } : f32[B,4]\n  return %z\n}\n");
}

TEST_CASE("text form: cut off or damaged at any byte, it is read or refused, never worse") {
  std::string text;
  for (const test::Case& each : test::read_case_file(WEFT_SOURCE_DIR "/tests/ir/ops.weft").cases)
    if (each.name == "fused" || each.name == "movement") text += each.input;
  text = "weft 1\n" + text;
  REQUIRE(parse(text, "whole").graphs.size() == 2);
  int refused = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (const char damage : {'%', '9', '}', '"', 'x', '\0'}) {
      std::string damaged = text;
      damaged[i] = damage;
      refused += error_of([&] { parse(damaged, "damaged"); }) != "no error";
    }
    const std::string cut = error_of([&] { parse(text.substr(0, i), "cut"); });
    refused += cut != "no error";
  }
  CHECK(refused > int(text.size()));
}

TEST_CASE("equal: everything but the numbering of values") {
  const Graph graph = good_graph();
  CHECK(equal(graph, graph));
  const auto differs = [&](auto change) {
    Graph other = graph;
    change(other);
    return !equal(graph, other) && !equal(other, graph);
  };
  CHECK(differs([](Graph& g) { g.name = "other"; }));
  CHECK(differs([](Graph& g) { g.values[g.ops[0].results[0]].name = "other"; }));
  CHECK(differs([](Graph& g) { g.values[0].type = f32({5}); }));
  CHECK(differs([](Graph& g) { g.ops[0].location.line = 4; }));
  CHECK(differs([](Graph& g) { g.ops[0].code = OpCode::sub; }));
  CHECK(differs([](Graph& g) { std::swap(g.ops[0].operands[0], g.ops[0].operands[1]); }));
  CHECK(differs([](Graph& g) { g.inputs[1].init.b = 1; }));
  CHECK(differs([](Graph& g) { g.inputs[1].role = Role::state; }));
  CHECK(differs([](Graph& g) { g.outputs[1].donates = kNone; }));
  CHECK(differs([](Graph& g) { g.outputs[0].value = g.ops[0].results[0]; }));
  CHECK(differs([](Graph& g) { g.ops.pop_back(); }));
  CHECK(differs([](Graph& g) {
    Graph body = *g.ops[1].body;
    body.ops[0].attrs.set(Attr::values, std::vector<double>{3});
    g.ops[1].body = std::make_shared<const Graph>(body);
  }));

  Builder early("g"), late("g");
  const ValueId a = early.input("a", f32({2})), b = early.input("b", f32({2}));
  early.output("y", early.create(OpCode::add, {early.create(OpCode::exp, {a}), b}));
  const ValueId first = late.create(OpCode::exp, {late.input("a", f32({2}))});
  late.output("y", late.create(OpCode::add, {first, late.input("b", f32({2}))}));
  CHECK(equal(early.graph(), late.graph()));
}

TEST_CASE("verify: what the builder guarantees") {
  verify(good_graph());
  const auto message = [](auto change) {
    Graph graph = good_graph();
    change(graph);
    return error_of([&] { verify(graph); });
  };
  const auto with_body = [](auto change) {
    return [change](Graph& g) {
      Graph body = *g.ops[1].body;
      change(body);
      g.ops[1].body = std::make_shared<const Graph>(body);
    };
  };
  CHECK(contains(message([](Graph& g) { g.ops[0].operands[1] = g.ops[1].results[0]; }), "before it is defined"));
  CHECK(contains(message([](Graph& g) { g.ops[0].operands[1] = 99; }), "uses value 99 before it is defined"));
  CHECK(contains(message([](Graph& g) { g.ops[0].results[0] = 99; }), "value 99 is beyond the 4 values"));
  CHECK(contains(message([](Graph& g) { g.ops[0].results[0] = 0; }), "value 0 (x) is defined twice"));
  CHECK(contains(message([](Graph& g) { g.values[2].index = 1; }), "does not point back"));
  CHECK(contains(message([](Graph& g) { g.values.push_back({f32({}), kNone, 0, "stray"}); }), "(stray) has no op"));
  CHECK(contains(message([](Graph& g) { g.values[0].type.dims[1] = 0; }), "%x is f32[B,0]: every dim must hold"));
  CHECK(contains(message([](Graph& g) { g.values[2].type = f32({4}); }),
                 "model.cpp:3: [add] the result is f32[B,4], but f32[4] is written"));
  CHECK(contains(message([](Graph& g) { g.ops[0].operands.pop_back(); }), "[add] takes 2 operand(s), got 1"));
  CHECK(contains(message([](Graph& g) { g.ops[0].attrs.set(Attr::axis, std::int64_t(1)); }),
                 "[add] takes no attribute axis"));
  CHECK(contains(message([](Graph& g) { g.ops[0].body = g.ops[1].body; }), "has a body, which only fused may have"));
  CHECK(contains(message([](Graph& g) { g.ops[1].body = nullptr; }), "[fused] has no body"));
  CHECK(contains(message([](Graph& g) { g.ops[1].operands.push_back(0); }), "has 2 operands, but its body 1 inputs"));
  CHECK(contains(message([](Graph& g) { g.ops[1].operands[0] = 1; }), "operand 0 is f32[4], but f32[B,4] in the body"));
  CHECK(
      contains(message(with_body([](Graph& body) { body.outputs.clear(); })), "has 1 results, but its body 0 outputs"));
  CHECK(contains(message(with_body([](Graph& body) { body.inputs[0].role = Role::param; })),
                 "only data without init and slots may enter a body"));
  CHECK(contains(message([](Graph& g) { g.values[1].name = "x"; }), "two inputs are named %x"));
  CHECK(contains(message([](Graph& g) { g.values[1].name = ""; }), "an input f32[4] has no name"));
  CHECK(contains(message([](Graph& g) { g.inputs[0].init = constant_init(1); }), "%x is data, but has an init"));
  CHECK(contains(message([](Graph& g) { g.inputs[1].role = Role::rng; }), "is rng, so it is i32[4]"));
  CHECK(contains(message([](Graph& g) { g.inputs[1].role = Role::hyper; }), "is hyper, so it is a scalar"));
  CHECK(contains(message([](Graph& g) { g.values[1].type.dtype = DType::i32; }), "is a param, so it holds floats"));
  CHECK(contains(message([](Graph& g) {
                   g.inputs[1].slots = {{"w", f32({3}), 2, {}}};
                 }),
                 "slot w of %p does not fit: f32[3] at 2 in f32[4]"));
  CHECK(contains(message([](Graph& g) {
                   g.inputs[1].slots = {{"w", f32({3}), 0, {}}, {"b", f32({}), 2, {}}};
                 }),
                 "slots w and b of %p overlap"));
  CHECK(contains(message([](Graph& g) { g.outputs[0].name = "p"; }), "two outputs are named p"));
  CHECK(contains(message([](Graph& g) { g.outputs[0].name = ""; }), "an output has no name"));
  CHECK(contains(message([](Graph& g) { g.outputs[0].value = 99; }), "output y is value 99"));
  CHECK(contains(message([](Graph& g) { g.outputs[1].donates = 9; }), "donates input 9, beyond the 2 inputs"));
  CHECK(contains(message([](Graph& g) {
                   g.outputs[0].donates = 0;
                   g.outputs[1].donates = 0;
                 }),
                 "output p donates %x, which another output donates"));
  CHECK(contains(message([](Graph& g) {
                   g.outputs[0].donates = 1;
                   g.outputs[1].donates = kNone;
                 }),
                 "output y is f32[B,4], but the input %p it donates is f32[4]"));
}

TEST_CASE("builder: equal pure ops are made once, and errors say where operands came from") {
  Builder builder("g");
  const ValueId x = builder.input("x", f32({Dim("B"), 784}));
  builder.set_where({"encoder/fc1", "model.cpp", 40});
  const ValueId w =
      builder.create(OpCode::constant, {}, Attrs().set(Attr::values, std::vector<double>{1}), f32({512, 128}), "w");
  const ValueId y = builder.create(OpCode::exp, {x});
  builder.set_where({"encoder/fc2", "model.cpp", 41});
  CHECK(builder.create(OpCode::exp, {x}) == y);
  CHECK(builder.create(OpCode::tanh, {x}) != y);
  CHECK(error_of([&] {
          builder.create(OpCode::matmul, {x, w});
        }) ==
        "model.cpp:41: [matmul] inner dimensions differ: f32[B,784] x f32[512,128]\n"
        "  x f32[B,784] from an input, w f32[512,128] from model.cpp:40 (encoder/fc1)");
  CHECK(contains(error_of([&] { builder.create(OpCode::matmul, {x}); }), "[matmul] takes 2 to 3 operands, got 1"));
}

TEST_CASE("suggest: the nearest name, if one is near") {
  CHECK(edit_distance("matmul", "matmul") == 0);
  CHECK(edit_distance("matmull", "matmul") == 1);
  CHECK(edit_distance("mamtul", "matmul") == 1);
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("kitten", "sitting") == 3);
  const std::vector<std::string> known = {"matmul", "max", "min"};
  CHECK(nearest("matmlu", known) == "matmul");
  CHECK(nearest("maxx", known) == "max");
  CHECK(nearest("convolution", known).empty());
  CHECK(nearest("q", known).empty());
  CHECK(did_you_mean("matmlu", known) == "; did you mean 'matmul'?");
  CHECK(did_you_mean("convolution", known) == "; known: matmul, max, min");
}

}  // namespace
}  // namespace weft::ir
