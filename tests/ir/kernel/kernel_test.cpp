// What a fused body is lowered to: loops, levels, stages, maps and the text of a kernel; and what it must not be.
#include "ir/kernel/kernel.h"

#include <doctest/doctest.h>

#include "ir/builder.h"
#include "ir/error.h"
#include "ir/kernel/lower.h"
#include "ir/kernel/text/print.h"
#include "tests/support/attrs.h"

namespace weft::kernel {
namespace {

using ir::Builder;
using ir::OpCode;
using ir::ValueId;
using test::axes;

// All views row-major, but for those given.
Kernel lowered(const ir::Graph& body, std::vector<Strides> inputs = {}, std::vector<Strides> outputs = {}) {
  inputs.resize(body.inputs.size());
  outputs.resize(body.outputs.size());
  return lower(body, inputs, outputs, "test");
}

// x op y over the given dims
ir::Graph sum_of(const ir::Dims& a, const ir::Dims& b) {
  Builder builder("sum");
  const ValueId x = builder.input("x", ir::f32(a)), y = builder.input("y", ir::f32(b));
  builder.output("z", builder.create(OpCode::add, {x, y}));
  return builder.take();
}

std::vector<std::int64_t> sizes(const Kernel& kernel) {
  std::vector<std::int64_t> result;
  for (const Dim& dim : kernel.dims) result.push_back(dim.size);
  return result;
}

int count(const Kernel& kernel, NodeKind kind) {
  int found = 0;
  for (const Node& node : kernel.nodes) found += node.kind == kind;
  return found;
}

using Sizes = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("neighbouring loops become one wherever every map allows it") {
  CHECK(sizes(lowered(sum_of({8, 3, 5}, {8, 3, 5}))) == Sizes{120});
  CHECK(sizes(lowered(sum_of({8, 3, 5}, {5}))) == Sizes{24, 5});
  CHECK(sizes(lowered(sum_of({8, 3, 5}, {8, 1, 1}))) == Sizes{8, 15});
  CHECK(sizes(lowered(sum_of({8, 3, 5}, {1, 3, 1}))) == Sizes{8, 3, 5});
  CHECK(sizes(lowered(sum_of({1, 8, 1}, {8, 1}))) == Sizes{8});
  CHECK(sizes(lowered(sum_of({8, 5}, {8, 5}), {{}, {9, 1}})) == Sizes{8, 5});  // columns of a wider matrix
  CHECK(sizes(lowered(sum_of({}, {}))).empty());
}

TEST_CASE("loops run in memory order, lanes along what is contiguous") {
  const ir::Graph body = sum_of({8, 5}, {8, 5});
  const Kernel transposed = lowered(body, {{1, 8}, {1, 8}}, {{1, 8}});
  CHECK(sizes(transposed) == Sizes{40});  // all transposed alike: flat again
  const Kernel mixed = lowered(body, {{1, 8}, {5, 1}}, {});
  CHECK(sizes(mixed) == Sizes{8, 5});
  CHECK(mixed.lane == 1);
  CHECK(lowered(body, {{1, 8}, {1, 8}}, {{5, 1}}).lane == 1);  // stores weigh twice
  CHECK(lowered(sum_of({}, {})).lane == -1);
}

TEST_CASE("dims that every map lets join are one before lanes are chosen, whatever lies between them") {
  // Channels last in, planes out: height and width join across the channels, which stay apart.
  const Kernel planes =
      lowered(sum_of({2, 64, 7, 7}, {2, 64, 7, 7}), {{3136, 1, 448, 64}, {3136, 1, 448, 64}}, {{3136, 49, 7, 1}});
  CHECK(sizes(planes) == Sizes{2, 64, 49});
  CHECK(planes.lane == 2);
  // The outer one behind the inner one.
  const Kernel turned = lowered(sum_of({3, 5, 4}, {3, 5, 4}), {{1, 30, 3}, {1, 30, 3}}, {{5, 1, 15}});
  CHECK(sizes(turned) == Sizes{5, 12});
  const Kernel joined = lowered(sum_of({4, 5, 6}, {4, 5, 6}), {{1, 24, 4}, {1, 24, 4}}, {{30, 6, 1}});
  CHECK(sizes(joined) == Sizes{4, 30});
}

TEST_CASE("softmax: two row stages, lanes across the row") {
  Builder builder("softmax");
  const ValueId x = builder.input("x", ir::f32({32, 10}));
  const ValueId top = builder.create(OpCode::reduce_max, {x}, axes({1}));
  const ValueId e = builder.create(OpCode::exp, {builder.create(OpCode::sub, {x, top})});
  builder.output("y", builder.create(OpCode::div, {e, builder.create(OpCode::reduce_sum, {e}, axes({1}))}));
  const Kernel kernel = lowered(builder.take());
  CHECK(print(kernel) == R"(kernel test: 320 points
  loop i0 < 32
  row  i1 < 10, across lanes
  input x: f32
  output y: f32
  row stage 0:
    %0 = x[10*i0 + i1] : f32  # x
    %1 = reduce_max %0 over the row : f32
  row stage 1:
    %2 = sub %0, %1 : f32
    %3 = exp %2 : f32
    %4 = reduce_sum %3 over the row : f32
  row stage 2:
    %5 = div %3, %4 : f32
    y[10*i0 + i1] = %5
)");
}

TEST_CASE("statistics down the columns put lanes across columns") {
  Builder builder("batch_norm");
  const ValueId x = builder.input("x", ir::f32({32, 100}));
  builder.output("y", builder.create(OpCode::sub, {x, builder.create(OpCode::reduce_sum, {x}, axes({0}))}));
  const Kernel kernel = lowered(builder.take());
  REQUIRE(sizes(kernel) == Sizes{100, 32});
  CHECK(!kernel.dims[0].row);
  CHECK(kernel.dims[1].row);
  CHECK(kernel.lane == 0);
  CHECK(kernel.row_stages == 1);
}

TEST_CASE("a row reduction that no point needs shares the only pass") {
  Builder builder("row_sum");
  const ValueId x = builder.input("x", ir::f32({64, 10}));
  const ValueId y = builder.create(OpCode::exp, {x});
  builder.output("y", y);
  builder.output("log", builder.create(OpCode::log, {builder.create(OpCode::reduce_sum, {y}, axes({1}))}));
  const Kernel kernel = lowered(builder.take());
  CHECK(kernel.row_stages == 0);
  CHECK(count(kernel, NodeKind::row_reduce) == 1);
  CHECK(count(kernel, NodeKind::final_reduce) == 0);
  CHECK(kernel.stores[0].level == Level::point);
  CHECK(kernel.stores[1].level == Level::row);
}

TEST_CASE("a sum of one number a row along the row waits until that number is complete") {
  Builder builder("row_sums");
  const ValueId x = builder.input("x", ir::f32({64, 10}));
  const ValueId sum = builder.create(OpCode::reduce_sum, {x}, axes({1}));
  const ValueId wide = builder.create(OpCode::broadcast, {sum}, {}, {ir::f32({64, 10})});
  builder.output("y", builder.create(OpCode::reduce_sum, {wide}, axes({1})));
  CHECK(print(lowered(builder.take())) == R"(kernel test: 640 points
  loop i0 < 64
  row  i1 < 10, across lanes
  input x: f32
  output y: f32
  row stage 0:
    %0 = x[10*i0 + i1] : f32  # x
    %1 = reduce_sum %0 over the row : f32
  row stage 1:
    %2 = reduce_sum %1 over the row : f32
  at the end of each row:
    y[i0] = %2
)");
}

TEST_CASE("sums over columns and over all are final") {
  Builder builder("sums");
  const ValueId x = builder.input("x", ir::f32({64, 10}));
  builder.output("columns", builder.create(OpCode::reduce_sum, {x}, axes({0})));
  const ValueId all = builder.create(OpCode::reduce_sum, {x}, axes({0, 1}));
  builder.output("mean", builder.create(OpCode::div, {all, builder.constant(640)}));
  const Kernel kernel = lowered(builder.take());
  CHECK(kernel.row_stages == 0);
  REQUIRE(count(kernel, NodeKind::final_reduce) == 2);
  for (const Node& node : kernel.nodes)
    if (node.kind == NodeKind::final_reduce) CHECK(node.extent == (node.map.strides[1] == 1 ? 10 : 1));
  for (const Store& store : kernel.stores) CHECK(store.level == Level::final);
}

TEST_CASE("an output smaller than the space, made of no reduction, is stored once") {
  Builder builder("small");
  const ValueId x = builder.input("x", ir::f32({64, 10})), bias = builder.input("bias", ir::f32({10}));
  const ValueId twice = builder.create(OpCode::add, {bias, bias});
  builder.output("y", builder.create(OpCode::add, {x, twice}));
  builder.output("bias", twice);
  CHECK(lowered(builder.take()).stores[1].level == Level::final);
}

TEST_CASE("softplus and sigmoid of one number share an exponential; sigmoid alone stays") {
  const auto exponentials = [](bool with_softplus) {
    Builder builder("bce");
    const ValueId x = builder.input("x", ir::f32({64}));
    builder.output("gradient", builder.create(OpCode::sigmoid, {x}));
    if (with_softplus) builder.output("loss", builder.create(OpCode::softplus, {x}));
    int found = 0;
    for (const Node& node : lowered(builder.take()).nodes) found += node.code == OpCode::exp;
    return found;
  };
  CHECK(exponentials(true) == 1);
  CHECK(exponentials(false) == 0);
}

TEST_CASE("gather loads rows of the table through the indices") {
  Builder builder("gather");
  const ValueId table = builder.input("table", {ir::DType::u8, {100, 7}}), indices = builder.input("i", ir::i32({4}));
  const ValueId rows = builder.create(OpCode::gather, {table, indices});
  builder.output("y", builder.create(OpCode::cast, {rows}, {}, ir::f32({4, 7})));
  const Kernel kernel = lowered(builder.take());
  REQUIRE(kernel.nodes[1].indirect.size() == 1);
  CHECK(kernel.nodes[1].indirect[0].size == 100);
  CHECK(kernel.nodes[1].indirect[0].stride == 7);
  CHECK(kernel.nodes[1].operands == std::vector<NodeId>{0});
  CHECK(kernel.reads(1));
  CHECK(!kernel.reads(2));
}

TEST_CASE("what a sample and a gather read is evaluated where they read it") {
  Builder builder("sample");
  const ValueId table = builder.input("table", {ir::DType::u8, {100, 3, 8, 6}});
  const ValueId indices = builder.input("i", ir::i32({4})), theta = builder.input("theta", ir::f32({4, 2, 3}));
  const ValueId rows = builder.create(OpCode::gather, {table, indices});
  const ValueId x = builder.create(OpCode::cast, {rows}, {}, ir::f32({4, 3, 8, 6}));
  builder.output("y", builder.create(OpCode::affine_sample, {x, theta}, {}, ir::f32({4, 3, 5, 7})));
  const Kernel kernel = lowered(builder.take());
  CHECK(kernel.points() == 4 * 3 * 5 * 7);  // the space is that of the result
  int pixels = 0;
  for (const Node& node : kernel.nodes) {
    if (node.kind != NodeKind::load || node.buffer != 0) continue;
    ++pixels;
    REQUIRE(node.indirect.size() == 3);  // picture, row, column
    CHECK(node.indirect[0].stride == 144);
    CHECK(node.indirect[1].stride == 6);
    CHECK(node.indirect[1].size == 8);
    CHECK(node.indirect[2].stride == 1);
  }
  CHECK(pixels == 4);
}

TEST_CASE("bodies that break the contract are our own error") {
  Builder reshaped("reshape");
  const ValueId x = reshaped.input("x", ir::f32({4, 6}));
  reshaped.output("y", reshaped.create(OpCode::reshape, {reshaped.create(OpCode::exp, {x})}, {}, ir::f32({6, 4})));
  CHECK_THROWS_AS(lowered(reshaped.take()), InternalError);

  Builder twice("twice");  // rows of both directions
  const ValueId z = twice.input("z", ir::f32({4, 6}));
  const ValueId across = twice.create(OpCode::sub, {z, twice.create(OpCode::reduce_sum, {z}, axes({1}))});
  twice.output("y", twice.create(OpCode::sub, {across, twice.create(OpCode::reduce_sum, {across}, axes({0}))}));
  CHECK_THROWS_WITH_AS(lowered(twice.take()), doctest::Contains("reduce rows along different dims"), InternalError);

  CHECK_THROWS_AS(lower(sum_of({2}, {2}), {{1}}, {{1}}, "test"), InternalError);  // strides of one input are missing
  CHECK_THROWS_AS(lower(sum_of({2}, {2}), {{1, 1}, {}}, {{}}, "test"), InternalError);
}

}  // namespace weft::kernel
