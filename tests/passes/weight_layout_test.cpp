// Layouts in memory of kernels: the text, where each element lies, and which kernels of a graph may have one.
#include <doctest/doctest.h>

#include <algorithm>

#include "ir/error.h"
#include "ir/memory_layout.h"
#include "ir/text/parse.h"
#include "ir/verify.h"
#include "passes/layout/kept_layouts.h"
#include "passes/passes.h"

using namespace weft;

namespace {

// A step over one kernel and its bias. `more` is added to the body; `output` to what is returned.
ir::GraphPtr step(const std::string& more = "", const std::string& output = "") {
  return std::make_shared<const ir::Graph>(ir::parse_graph(R"(
graph @step(
  %params: f32[4640] {role=param, slots=[conv.weight: f32[32,16,3,3] at 0, conv.bias: f32[32] at 4608]},
  %adam.m: f32[4640] {role=state, init=constant(0), slots=[adam.m.conv.weight: f32[32,16,3,3] at 0]},
  %x: f32[2,8,8,16], %db: f32[32]) -> (params: f32[4640], adam.m: f32[4640])" +
                                                               output + R"() {
  %w = view %params {offset=0} : f32[32,16,3,3]
  %y = conv2d %x, %w {padding=[1,1], layout=nhwc} : f32[2,8,8,32]
  %dw = conv2d_weight_grad %x, %y {kernel=[3,3], padding=[1,1], layout=nhwc} : f32[32,16,3,3]
  %g = pack %dw, %db {offsets=[0,4608]} : f32[4640]
  %p, %m = fused(%params, %adam.m, %g) {
    %m2 = add %adam.m, %g : f32[4640]
    %p2 = sub %params, %m2 : f32[4640]
    yield %p2, %m2
  } : f32[4640], f32[4640]
)" + more + "  return params = %p donates %params, adam.m = %m donates %adam.m" +
                                                               (output.empty() ? "" : ", more = %more") + "\n}\n",
                                                           "test"));
}

ir::GraphPtr laid_out(const ir::GraphPtr& graph, const std::string& wanted) {
  passes::Context context;
  context.target.weights_layout = [wanted](const ir::Graph&, const ir::Op&) { return wanted; };
  const ir::GraphPtr result = passes::weight_layout(graph, context);
  ir::verify(*result);
  return result;
}

}  // namespace

TEST_CASE("memory layouts: text and back, and what is none") {
  for (const char* text : {"oihw", "OIhw16i16o", "Ohwi16o", "hwio", "OIhw4i16o4i"}) {
    CAPTURE(text);
    const auto layout = ir::parse_memory_layout(text);
    REQUIRE(layout);
    CHECK(ir::to_string(*layout) == text);
  }
  for (const char* text :
       {"", "oih", "oihh", "OIhw", "oihw16o", "OIhw16", "OIhw1i16o", "OIhw16i16x", "nchw", "Oihw0o"}) {
    CAPTURE(text);
    CHECK_FALSE(ir::parse_memory_layout(text));
  }
  CHECK(ir::memory_layout_misfit("OIhw16i16o", ir::f32({32, 16, 3, 3})).empty());
  CHECK(ir::memory_layout_misfit("", ir::f32({5})).empty());
  CHECK(ir::memory_layout_misfit("OIhw16i16o", ir::f32({32, 8, 3, 3})) ==
        "the layout OIhw16i16o needs a multiple of 16 along dim 1 of f32[32,8,3,3]");
}

TEST_CASE("memory layouts: where each element lies") {
  CHECK(ir::memory_offsets(*ir::parse_memory_layout("oihw"), {2, 1, 1, 3}) ==
        std::vector<std::size_t>{0, 1, 2, 3, 4, 5});
  CHECK(ir::memory_offsets(*ir::parse_memory_layout("hwio"), {2, 1, 1, 3}) ==
        std::vector<std::size_t>{0, 2, 4, 1, 3, 5});
  // Blocks of 2 in by 2 out: (o,i) at 4 (i/2) + 2 (i%2) + o.
  CHECK(ir::memory_offsets(*ir::parse_memory_layout("OIhw2i2o"), {2, 4, 1, 1}) ==
        std::vector<std::size_t>{0, 2, 4, 6, 1, 3, 5, 7});
  std::vector<std::size_t> all = ir::memory_offsets(*ir::parse_memory_layout("OIhw4i16o2i"), {32, 24, 2, 3});
  std::sort(all.begin(), all.end());
  for (std::size_t i = 0; i < all.size(); ++i) REQUIRE(all[i] == i);
}

TEST_CASE("a kernel that only convolutions see gets the layout the target wants, and its moments with it") {
  const ir::GraphPtr graph = laid_out(step(), "OIhw16i16o");
  CHECK(graph->inputs[0].slots[0].layout == "OIhw16i16o");
  CHECK(graph->inputs[0].slots[1].layout.empty());
  CHECK(graph->inputs[1].slots[0].layout == "OIhw16i16o");
}

TEST_CASE("no layout where blocks would pad, where another op reads the kernel, and where it is an output") {
  CHECK(laid_out(step(), "OIhw32i32o")->inputs[0].slots[0].layout.empty());
  CHECK(laid_out(step(), "")->inputs[0].slots[0].layout.empty());
  for (const char* more : {"  %more = reduce_sum %w {axes=[0,1,2,3]} : f32[1,1,1,1]\n",
                           "  %more = view %params {offset=16} : f32[1,1,1,1]\n",
                           "  %more = reduce_sum %dw {axes=[0,1,2,3]} : f32[1,1,1,1]\n"}) {
    CAPTURE(more);
    CHECK(laid_out(step(more, ", more: f32[1,1,1,1]"), "OIhw16i16o")->inputs[0].slots[0].layout.empty());
  }
}

TEST_CASE("a kernel that convolutions read from a cast of its vector has a layout") {
  const ir::GraphPtr graph = step(R"(
  %half = fused(%params) {
    %0 = cast %params : bf16[4640]
    yield %0
  } : bf16[4640]
  %hw = view %half {offset=0} : bf16[32,16,3,3]
  %hx = cast %x : bf16[2,8,8,16]
  %more = conv2d %hx, %hw {padding=[1,1], layout=nhwc} : bf16[2,8,8,32]
)",
                                  ", more: bf16[2,8,8,32]");
  CHECK(laid_out(graph, "OIhw16i16o")->inputs[0].slots[0].layout == "OIhw16i16o");
}

TEST_CASE("no layout where a gradient that is cast into its vector, or the cast, is read elsewhere too") {
  const auto layout = [](const std::string& output, const std::string& type, const std::string& more = "") {
    const std::string text = R"(
graph @g(%params: f32[4608] {role=param, slots=[w: f32[32,16,3,3] at 0]}, %x: f32[2,8,8,16]) -> (g: bf16[4608], more: )" +
                             type + R"() {
  %w = view %params {offset=0} : f32[32,16,3,3]
  %y = conv2d %x, %w {padding=[1,1], layout=nhwc} : f32[2,8,8,32]
  %dw = conv2d_weight_grad %x, %y {kernel=[3,3], padding=[1,1], layout=nhwc} : f32[32,16,3,3]
  %half = fused(%dw) {
    %0 = cast %dw : bf16[32,16,3,3]
    yield %0
  } : bf16[32,16,3,3]
  %g = pack %half {offsets=[0]} : bf16[4608]
)" + more +
                             "  return %g, more = " + output + "\n}\n";
    const ir::GraphPtr graph = std::make_shared<const ir::Graph>(ir::parse_graph(text, "test"));
    return laid_out(graph, "OIhw16i16o")->inputs[0].slots[0].layout;
  };
  CHECK(layout("%y", "f32[2,8,8,32]") == "OIhw16i16o");
  CHECK(layout("%dw", "f32[32,16,3,3]").empty());
  CHECK(layout("%half", "bf16[32,16,3,3]").empty());
  CHECK(layout("%sum", "f32[1,1,1,1]", "  %sum = reduce_sum %dw {axes=[0,1,2,3]} : f32[1,1,1,1]\n").empty());
}

TEST_CASE("settled layouts are taken as they are, by the param's name") {
  passes::Context context;
  context.target.kept_layouts = std::map<std::string, std::string>{{"conv.weight", "hwio"}};
  const ir::GraphPtr graph = passes::weight_layout(step(), context);
  CHECK(graph->inputs[0].slots[0].layout == "hwio");
  CHECK(graph->inputs[1].slots[0].layout == "hwio");
}

TEST_CASE("a kernel that is an input has its layout, but where it is read as an image too") {
  const auto read_by = [](const std::string& more) {
    const ir::Graph graph = ir::parse_graph(R"(
graph @g(%k: f32[4,4,3,3] {role=param, layout=hwio}, %x: f32[2,4,8,8], %v: f32[4,4,3,3]) -> (y: f32[2,4,6,6], z: f32[4,4,1,1]) {
  %y = conv2d %x, %k : f32[2,4,6,6]
)" + more + "  return %y, %z\n}\n",
                                            "test");
    const passes::KeptLayouts kept(graph);
    return std::make_pair(kept.of_weights(graph.ops[0]), kept.relaid().size());
  };
  using Found = std::pair<std::string, std::size_t>;
  CHECK(read_by("  %z = conv2d %v, %v : f32[4,4,1,1]\n") == Found{"hwio", 0});
  CHECK(read_by("  %z = conv2d %k, %v : f32[4,4,1,1]\n") == Found{"", 1});
  CHECK(read_by("  %z = conv2d %k, %k : f32[4,4,1,1]\n") == Found{"", 1});
}

TEST_CASE("a kernel in a vector has the layout of the slot that it is") {
  const ir::GraphPtr settled = laid_out(step(), "OIhw16i16o"), plain = step();
  const passes::KeptLayouts kept(*settled), none(*plain);
  for (const std::size_t op : {1, 2}) {  // the convolution and the gradient of its kernel
    CHECK(kept.of_weights(settled->ops[op]) == "OIhw16i16o");
    CHECK(none.of_weights(plain->ops[op]).empty());
  }
  const ir::Graph other = ir::parse_graph(R"(
graph @other(%params: f32[48] {role=param}, %x: f32[1,4,2,2]) -> (y: f32[1,4,2,2]) {
  %w = view %params {offset=16} : f32[4,4,1,1]
  %y = conv2d %x, %w : f32[1,4,2,2]
  return %y
}
)",
                                          "test");
  CHECK(passes::KeptLayouts(other).of_weights(other.ops[1]).empty());
  const ir::Graph part = ir::parse_graph(R"(
graph @part(%params: f32[48] {role=param, slots=[w: f32[8,4,1,1] at 0 layout=hwio]}, %x: f32[1,4,2,2]) -> (y: f32[1,4,2,2]) {
  %w = view %params {offset=0} : f32[4,4,1,1]
  %y = conv2d %x, %w : f32[1,4,2,2]
  return %y
}
)",
                                         "test");
  CHECK(passes::KeptLayouts(part).of_weights(part.ops[1]).empty());
}

TEST_CASE("only a fused op is a cast that keeps the order of elements") {
  const ir::Graph graph = ir::parse_graph(R"(
graph @casts(%x: f32[8]) -> (a: bf16[8], b: bf16[8], c: bf16[8]) {
  %a = cast %x : bf16[8]
  %b = fused(%x) {
    %0 = cast %x : bf16[8]
    yield %0
  } : bf16[8]
  %c = fused(%x) {
    %0 = mul %x, %x : f32[8]
    %1 = reduce_sum %0 {axes=[0]} : f32[1]
    %2 = rsqrt %1 : f32[1]
    %3 = mul %x, %2 : f32[8]
    %4 = cast %3 : bf16[8]
    yield %4
  } : bf16[8]
  return %a, %b, %c
}
)",
                                          "test");
  CHECK(passes::cast_source(graph, graph.outputs[0].value) == ir::kNone);
  CHECK(passes::cast_source(graph, graph.outputs[1].value) == graph.inputs[0].value);
  CHECK(passes::cast_source(graph, graph.outputs[2].value) == ir::kNone);  // scaled to unit length
  CHECK(passes::cast_source(graph, graph.inputs[0].value) == ir::kNone);
}
