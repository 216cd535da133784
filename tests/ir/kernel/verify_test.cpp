// Each rule of a kernel, broken alone.
#include "ir/kernel/verify.h"

#include <doctest/doctest.h>

#include <functional>

#include "ir/builder.h"
#include "ir/error.h"
#include "ir/kernel/lower.h"
#include "ir/kernel/text/parse.h"
#include "ir/kernel/text/print.h"

namespace weft::kernel {
namespace {

// Loops i0 and the row's i1; a row reduction, a final one after it, one over the columns, and stores of each level.
Kernel rows() {
  return parse_kernel(R"(
kernel rows: 320 points
  loop i0 < 32
  row i1 < 10, across lanes
  input x: f32
  output y: f32
  output s: f32
  output t: f32
  row stage 0:
    %0 = x[10*i0 + i1] : f32
    %1 = reduce_max %0 over the row : f32
  row stage 1:
    %2 = sub %0, %1 : f32
    %3 = exp %1 : f32
    y[10*i0 + i1] = %2
  at the end of each row:
    s[i0] = %3
  after all points:
    %4 = reduce_sum %2 over all points into 10 at [i1] : f32
    %5 = mul %4, %4 : f32
    t[i1] = %5
)",
                      "rows");
}

// Two outer loops; a gather, a literal, an index, a constant, random numbers.
Kernel points() {
  return parse_kernel(R"(
kernel points: 24 points
  loop i0 < 4
  loop i1 < 6, across lanes
  input x: f32
  input places: i32
  input seed: i32
  output y: f32
  literal table: f32 = [1,2,3,4,5,6]
  at each point:
    %0 = places[i0] : i32
    %1 = x[i1 + 6*min(%0, 8)] : f32
    %2 = table[i1] : f32
    %3 = index i1 : i32
    %4 = cast %3 : f32
    %5 = random_normal seed stream 3 element 6*i0 + i1 : f32
    %6 = add %1, %2 : f32
    %7 = add %4, %5 : f32
    %8 = mul %6, %7 : f32
    %9 = 2.5 : f32
    %10 = mul %8, %9 : f32
    y[6*i0 + i1] = %10
)",
                      "points");
}

struct Breach {
  const char* text;
  std::function<void(Kernel&)> make;
};

void check_all(Kernel (*whole)(), const std::vector<Breach>& breaches) {
  REQUIRE_FALSE(find_fault(whole()));
  for (const Breach& each : breaches) {
    Kernel kernel = whole();
    each.make(kernel);
    CAPTURE(each.text);
    const std::optional<Fault> fault = find_fault(kernel);
    REQUIRE(fault);
    CHECK(fault->text == each.text);
    CHECK_THROWS_AS(verify(kernel), InternalError);
  }
}

}  // namespace

TEST_CASE("loops: at least two points, rows innermost, lanes across a last one") {
  check_all(rows, {
                      {"loop i0 has 1 point(s), but a loop has at least 2", [](Kernel& k) { k.dims[0].size = 1; }},
                      {"loop i1 stands inside a row, but the row's loops are the innermost",
                       [](Kernel& k) { std::swap(k.dims[0].row, k.dims[1].row); }},
                      {"more than 281474976710656 points", [](Kernel& k) { k.dims[1].size = std::int64_t{1} << 48; }},
                      {"60 loops, but a kernel has at most 59",
                       [](Kernel& k) {
                         k.dims.assign(60, {2, false});
                       }},
                      {"no loop lies across lanes", [](Kernel& k) { k.lane = -1; }},
                      {"loop i7 lies across lanes, but only the last loop of the row or i0 may",
                       [](Kernel& k) { k.lane = 7; }},
                  });
  check_all(points, {
                        {"loop i0 lies across lanes, but only the last loop may", [](Kernel& k) { k.lane = 0; }},
                    });
}

TEST_CASE("buffers: inputs, outputs, literals; the first two are the arguments") {
  check_all(points, {
                        {"an input stands after an output", [](Kernel& k) { std::swap(k.buffers[2], k.buffers[3]); }},
                        {"an output stands after a literal", [](Kernel& k) { std::swap(k.buffers[3], k.buffers[4]); }},
                        {"an output holds no literal numbers",
                         [](Kernel& k) {
                           k.buffers[3].literal = {1, 2};
                         }},
                        {"3 buffers are passed in, but 4 are not literals", [](Kernel& k) { k.arguments = 3; }},
                    });
}

TEST_CASE("nodes: maps of the loops' rank, earlier operands, as many as the kind takes") {
  check_all(points,
            {
                {"%2: a map of 1 strides over 2 loops", [](Kernel& k) { k.nodes[2].map.strides.pop_back(); }},
                {"%6: it reads %7, but operands are earlier nodes", [](Kernel& k) { k.nodes[6].operands[0] = 7; }},
                {"%6: 1 operand(s), but it takes 2", [](Kernel& k) { k.nodes[6].operands.pop_back(); }},
                {"%1: 0 operand(s), but it takes 1", [](Kernel& k) { k.nodes[1].operands.clear(); }},
                {"%3: 1 operand(s), but it takes 0", [](Kernel& k) { k.nodes[3].operands = {0}; }},
                {"%6: matmul is not an elementwise op", [](Kernel& k) { k.nodes[6].code = ir::OpCode::matmul; }},
            });
}

TEST_CASE("nodes: nothing that their kind does not use") {
  const char* const text = "%6: it holds a number that its kind does not use";
  check_all(points, {
                        {text, [](Kernel& k) { k.nodes[6].value = 1; }},
                        {text, [](Kernel& k) { k.nodes[6].buffer = 1; }},
                        {text, [](Kernel& k) { k.nodes[6].stream = 1; }},
                        {text, [](Kernel& k) { k.nodes[6].map.strides[1] = 1; }},
                        {text, [](Kernel& k) { k.nodes[6].map.offset = 1; }},
                        {text, [](Kernel& k) { k.nodes[6].extent = 1; }},
                        {text, [](Kernel& k) { k.nodes[6].once = 1; }},
                        {text,
                         [](Kernel& k) {
                           k.nodes[6].indirect.push_back({1, 1});
                         }},
                        {"%2: it holds a number that its kind does not use",
                         [](Kernel& k) { k.nodes[2].code = ir::OpCode::add; }},
                    });
}

TEST_CASE("loads: buffers that are read, their dtype, elements inside them") {
  check_all(points,
            {
                {"%0: buffer 9 of 5", [](Kernel& k) { k.nodes[0].buffer = 9; }},
                {"%1: it reads y, an output", [](Kernel& k) { k.nodes[1].buffer = 3; }},
                {"%2: f32 is loaded as bf16", [](Kernel& k) { k.nodes[2].dtype = ir::DType::bf16; }},
                {"%2: it reads element 6 of table, which has 6", [](Kernel& k) { k.nodes[2].map.offset = 1; }},
                {"its first element lies 5 before the buffer", [](Kernel& k) { k.nodes[2].map.strides[1] = -1; }},
                {"a stride of 281474976710656 along i1 spans more than 281474976710656 elements",
                 [](Kernel& k) { k.nodes[2].map.strides[1] = std::int64_t{1} << 48; }},
                {"an offset of more than 281474976710656 elements",
                 [](Kernel& k) { k.nodes[2].map.offset = std::int64_t{1} << 49; }},
                {"%1: an index below 0 with stride 6", [](Kernel& k) { k.nodes[1].indirect[0].size = 0; }},
                {"%1: an index below 9 with stride -1", [](Kernel& k) { k.nodes[1].indirect[0].stride = -1; }},
                {"%1: the index %0 is f32, but an index is i32",
                 [](Kernel& k) { k.nodes[0].dtype = k.buffers[1].dtype = ir::DType::f32; }},
            });
}

TEST_CASE("random numbers are floats, of an i32 seed") {
  check_all(points,
            {
                {"%5: exp draws no numbers", [](Kernel& k) { k.nodes[5].code = ir::OpCode::exp; }},
                {"%5: a seed is an input of i32, not f32", [](Kernel& k) { k.nodes[5].buffer = 0; }},
                {"%5: random numbers are floats, not i32", [](Kernel& k) { k.nodes[5].dtype = ir::DType::i32; }},
                {"%3: an index is a number, not a bool", [](Kernel& k) { k.nodes[3].dtype = ir::DType::boolean; }},
            });
}

TEST_CASE("ops follow the type rules of the graph; narrow floats are computed in f32") {
  check_all(points, {
                        {"%6: [add] the result is f32[], but i32[] is written",
                         [](Kernel& k) { k.nodes[6].dtype = ir::DType::i32; }},
                        {"%6: [logical_or] needs bools, got f32[] and f32[]",
                         [](Kernel& k) { k.nodes[6].code = ir::OpCode::logical_or; }},
                    });
  Kernel kernel = points();
  kernel.nodes[6].dtype = ir::DType::bf16;
  CHECK_FALSE(find_fault(kernel));
}

TEST_CASE("reductions: what they reduce, what counts once, dense accumulators") {
  check_all(rows,
            {
                {"%1: exp does not reduce", [](Kernel& k) { k.nodes[1].code = ir::OpCode::exp; }},
                {"%1: reduce_max of f32 makes i32", [](Kernel& k) { k.nodes[1].dtype = ir::DType::i32; }},
                {"%1: once along i0, but it reduces rows", [](Kernel& k) { k.nodes[1].once = 1; }},
                {"%1: its operand varies along i1, where it counts once", [](Kernel& k) { k.nodes[1].once = 2; }},
                {"%1: it reduces no loop of a row",
                 [](Kernel& k) {
                   k.nodes[0].map.strides[1] = 0;
                   k.nodes[0].varies = 1;
                   k.nodes[1].once = 2;
                 }},
                {"%4: once along i5, but it reduces all loops", [](Kernel& k) { k.nodes[4].once = 1 << 5; }},
                {"%4: its accumulators lie 2 apart along i1, not 1", [](Kernel& k) { k.nodes[4].map.strides[1] = 2; }},
                {"%4: 9 accumulators, but its map has 10", [](Kernel& k) { k.nodes[4].extent = 9; }},
                {"%4: its accumulators do not follow each other along the lanes",
                 [](Kernel& k) {
                   k.nodes[4].map.strides = {1, 32};
                   k.nodes[4].extent = 320;
                 }},
                {"%5: it reduces what is complete only after all points",
                 [](Kernel& k) {
                   k.nodes[5] = k.nodes[4];
                   k.nodes[5].operands = {4};
                 }},
            });
  check_all(points, {
                        {"%6: it keeps i0, where its operand counts once",
                         [](Kernel& k) {
                           k.nodes[6] = {};
                           k.nodes[6].kind = NodeKind::final_reduce;
                           k.nodes[6].code = ir::OpCode::reduce_sum;
                           k.nodes[6].operands = {2};
                           k.nodes[6].map.strides = {1, 0};
                           k.nodes[6].once = 1;
                         }},
                    });
}

TEST_CASE("dims, levels and stages follow from the operands") {
  check_all(rows, {
                      {"%2: it varies along i0, by what it is made from along i0, i1",
                       [](Kernel& k) { k.nodes[2].varies = 1; }},
                      {"%2: it is computed once per row, by what it is made from at each point",
                       [](Kernel& k) { k.nodes[2].level = Level::row; }},
                      {"%5: it is computed at each point, by what it is made from after all points",
                       [](Kernel& k) { k.nodes[5].level = Level::point; }},
                      {"%5: a final value meets %3, which belongs to a row",
                       [](Kernel& k) {
                         k.nodes[5].operands[1] = 3;
                         k.nodes[5].varies |= 1;
                       }},
                      {"%2: it is in stage 2, what it is made from is complete in stage 1",
                       [](Kernel& k) { k.nodes[2].stage = 2; }},
                      {"%1: it ends stage 2, but may end 0 to 1", [](Kernel& k) { k.nodes[1].stage = 2; }},
                      {"%2: it is in stage 1, after the last, 0", [](Kernel& k) { k.row_stages = 0; }},
                      {"row stage 1 ends in no reduction", [](Kernel& k) { k.row_stages = 2; }},
                  });
}

TEST_CASE("stores: each output once, where its value is complete, along what it varies") {
  check_all(rows,
            {
                {"each output is stored once, in the order of the buffers",
                 [](Kernel& k) { std::swap(k.stores[0], k.stores[1]); }},
                {"each output is stored once, in the order of the buffers",
                 [](Kernel& k) { k.stores.push_back(k.stores[2]); }},
                {"the output is not stored", [](Kernel& k) { k.stores.pop_back(); }},
                {"there is no %6", [](Kernel& k) { k.stores[0].value = 6; }},
                {"%2 is f32, the output bf16", [](Kernel& k) { k.buffers[1].dtype = ir::DType::bf16; }},
                {"a map of 1 strides over 2 loops", [](Kernel& k) { k.stores[0].map.strides.pop_back(); }},
                {"its first element lies 9 before the buffer", [](Kernel& k) { k.stores[0].map.strides[1] = -1; }},
                {"it extends along i0, its map along i0, i1", [](Kernel& k) { k.stores[0].dims = 1; }},
                {"%2 varies along i1, where only one element is stored",
                 [](Kernel& k) {
                   k.stores[0].map.strides[1] = 0;
                   k.stores[0].dims = 1;
                 }},
                {"%3, which is computed once per row, is not complete where it is stored: after all points",
                 [](Kernel& k) { k.stores[1].level = Level::final; }},
                {"%5, which is computed after all points, is not complete where it is stored: at each point",
                 [](Kernel& k) { k.stores[2].level = Level::point; }},
                {"%2, which is computed at each point, is not complete where it is stored: once per row",
                 [](Kernel& k) { k.stores[0].level = Level::row; }},
            });
}

TEST_CASE("a kernel of ours that is at fault is our own error, and says where") {
  Kernel kernel = rows();
  kernel.stores[1].level = Level::final;
  CHECK_THROWS_WITH_AS(verify(kernel), doctest::Contains("kernel rows: store 1: %3, which"), InternalError);
}

TEST_CASE("what names and numbers a kernel may have is read back") {
  Kernel kernel = rows();
  kernel.name = "two words";
  kernel.buffers[0].name = "arg1";
  kernel.buffers[1].name = "";
  kernel.buffers[2].name = kernel.buffers[3].name = "a \"quoted\" one";
  kernel.nodes[0].name = "a // b";
  kernel.nodes[2].name = "-x";
  CHECK(parse_kernel(print(kernel), "printed") == kernel);
  Kernel numbers = points();
  for (const double each : {-0.0, 1e-300, -1.0 / 3, double(INFINITY), -double(INFINITY), double(NAN)}) {
    numbers.nodes[9].value = numbers.buffers[4].literal[2] = each;
    numbers.buffers[4].literal.resize(100, each);
    CHECK(parse_kernel(print(numbers), "printed") == numbers);
  }
  CHECK(parse(print(std::vector<Kernel>{kernel, numbers}), "printed") == std::vector<Kernel>{kernel, numbers});
}

}  // namespace weft::kernel
