// Compiled kernels against the reference interpreter: those of a VAE, each kind of load and store at its edges,
// and the promise that the number of threads does not change a bit.
#include "backends/cpu/program/jit.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "backends/cpu/codegen/plan.h"
#include "backends/reference/reference.h"
#include "bench/vae_kernels.h"
#include "ir/builder.h"
#include "ir/error.h"
#include "ir/kernel/lower.h"
#include "tests/backends/cpu/kernel_check.h"
#include "tests/support/attrs.h"

namespace weft {
namespace {

using namespace test;
using ir::Attr;
using ir::Attrs;
using ir::Builder;
using ir::DType;
using ir::OpCode;
using ir::Type;
using ir::ValueId;
using reference::Tensor;
using Axes = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("the kernels of a VAE, in place where a step has them so") {
  std::mt19937 random(6);
  for (const std::int64_t batch : {1, 7, 100, 128})
    for (const bench::VaeKernel& each : bench::VaeKernels(batch, 784, 400, 20, 652 * batch + 5).all()) {
      CAPTURE(batch);
      CAPTURE(each.name);
      check_body(each.body, random_inputs(random, each), {{}, {}, each.in_place});
    }
}

TEST_CASE("latent heads are columns of one matrix") {
  // mu and logvar as two halves of [B,40]; their gradients written into halves as well.
  std::mt19937 random(7);
  const bench::VaeKernel kernel = bench::VaeKernels(33).reparameterize();
  check_body(kernel.body, random_inputs(random, kernel.body), {{{}, {40, 1}, {40, 1}}, {{60, 1}, {}}, {}});
}

TEST_CASE("sums down narrow and wide columns") {
  std::mt19937 random(8);
  for (const std::int64_t rows : {1, 2, 3, 5, 64, 1000})
    for (const std::int64_t columns : {1, 3, 16, 20, 32, 64, 65, 784, 2100}) {
      CAPTURE(rows);
      CAPTURE(columns);
      Builder builder("columns");
      const ValueId x = builder.input("x", ir::f32({rows, columns}));
      const ValueId y = builder.create(OpCode::mul, {x, x});
      builder.output("sum", builder.create(OpCode::reduce_sum, {y}, axes({0})));
      builder.output("max", builder.create(OpCode::reduce_max, {x}, axes({0})));
      builder.output("y", y);
      const ir::Graph body = builder.take();
      check_body(body, random_inputs(random, body));
    }
}

TEST_CASE("batch statistics over images") {
  std::mt19937 random(9);
  const Axes list{0, 2, 3};
  Builder builder("batch_norm");
  const ValueId x = builder.input("x", ir::f32({6, 10, 7, 7})), gain = builder.input("gain", ir::f32({10, 1, 1}));
  const ValueId count = builder.constant(6 * 7 * 7);
  const auto mean = [&](ValueId value) {
    return builder.create(OpCode::div, {builder.create(OpCode::reduce_sum, {value}, axes(list)), count});
  };
  const ValueId centre = mean(x), centred = builder.create(OpCode::sub, {x, centre});
  const ValueId variance = mean(builder.create(OpCode::mul, {centred, centred}));
  const ValueId scale =
      builder.create(OpCode::rsqrt, {builder.create(OpCode::add, {variance, builder.constant(1e-5)})});
  builder.output("y", builder.create(OpCode::mul, {gain, builder.create(OpCode::mul, {centred, scale})}));
  builder.output("mean", centre);
  builder.output("variance", variance);
  const ir::Graph body = builder.take();
  check_body(body, random_inputs(random, body));
  check_body(body, random_inputs(random, body),
             {{{490, 1, 70, 10}, {}}, {{490, 1, 70, 10}, {}, {}}, {}});  // channels last
}

TEST_CASE("windows that lie far apart in memory: lanes go across all of them, and a window stays in registers") {
  Builder builder("windows");
  const ValueId x = builder.input("x", ir::f32({6, 4, 24}));
  builder.output("y", builder.create(OpCode::reduce_max, {x}, axes({1})));
  const ir::Graph body = builder.take();
  const Layouts layouts{{{24, 144, 1}}, {}, {}};
  const kernel::Kernel lowered = kernel::lower(body, layouts.inputs, {{}}, "windows");
  CHECK(lowered.lane == 0);
  CHECK(cpu::make_plan(lowered, 8).window == 4);
  std::mt19937 random(31);
  check_body(body, random_inputs(random, body), layouts);
}

TEST_CASE("gather along lanes, and indices beyond the table are those of its nearest row") {
  std::mt19937 random(10);
  Builder builder("gather");
  const ValueId table = builder.input("table", ir::f32({50})), indices = builder.input("indices", ir::i32({77}));
  builder.output("y", builder.create(OpCode::neg, {builder.create(OpCode::gather, {table, indices})}));
  const ir::Graph body = builder.take();
  std::vector<Tensor> inputs = random_inputs(random, body);
  for (double& index : inputs[1].data) index = std::int64_t(index) % 50;
  check_body(body, inputs);
  cpu::Jit jit;
  jit.add(kernel::lower(body, {{}, {}}, {{}}, "gather"));
  jit.compile();
  inputs[1].data[3] = 1000;
  inputs[1].data[70] = -1;
  const std::vector<Tensor> got = run_once(jit.kernel(0), body, inputs, {}, 1, nullptr);
  CHECK(got[0].data[3] == -inputs[0].data[49]);
  CHECK(got[0].data[70] == -inputs[0].data[0]);
}

TEST_CASE("kernels that differ in names alone are compiled once; one that differs in a number's sign is another") {
  const auto scaled_by = [](double factor, const std::string& x, const std::string& name) {
    Builder builder("scaled");
    const ValueId input = builder.input(x, ir::f32({40}));
    builder.output("y", builder.create(OpCode::mul, {input, builder.constant(factor, ir::f32({}))}));
    return kernel::lower(builder.take(), {{}}, {{}}, name);
  };
  cpu::Jit jit;
  jit.add(scaled_by(0.0, "x", "first"));
  jit.add(scaled_by(0.0, "z", "second"));
  jit.add(scaled_by(-0.0, "x", "third"));
  jit.compile();
  jit.add(scaled_by(-0.0, "w", "fourth"));
  jit.compile();
  CHECK((jit.kernel(1).run == jit.kernel(0).run));
  CHECK((jit.kernel(2).run != jit.kernel(0).run));
  CHECK((jit.kernel(3).run == jit.kernel(2).run));
  CHECK(std::string(jit.kernel(1).name) == "second");
  CHECK(std::string(jit.kernel(3).name) == "fourth");
}

// A sample of pictures [4,C,..] that are rows of a table of the dtype; theta mixes turns, flips, crops and places far
// outside.
void check_sample(unsigned seed, DType dtype, std::int64_t channels, std::int64_t height, std::int64_t width,
                  std::int64_t new_height, std::int64_t new_width) {
  CAPTURE(height);
  CAPTURE(width);
  std::mt19937 random(seed);
  Builder builder("sample");
  const ValueId table = builder.input("table", {dtype, {9, channels, height, width}});
  const ValueId indices = builder.input("indices", ir::i32({4})), theta = builder.input("theta", ir::f32({4, 2, 3}));
  const ValueId shift = builder.input("shift", ir::f32({channels, 1, 1}));
  ValueId x = builder.create(OpCode::gather, {table, indices});
  if (dtype != DType::f32) x = builder.create(OpCode::cast, {x}, {}, ir::f32({4, channels, height, width}));
  x = builder.create(OpCode::add, {x, shift});
  builder.output("y", builder.create(OpCode::neg, {builder.create(OpCode::affine_sample, {x, theta}, {},
                                                                  ir::f32({4, channels, new_height, new_width}))}));
  const ir::Graph body = builder.take();
  std::vector<Tensor> inputs = random_inputs(random, body);
  inputs[1].data = {8, 0, 3, 3};
  const std::vector<double> fixed = {0, -1, 0, 1, 0, 0, -1, 0, 0.25, 0, 1, -0.5, 1e9, 0, 3e9, 0, 1, 0};
  std::copy(fixed.begin(), fixed.end(), inputs[2].data.begin());
  for (double& each : inputs[2].data) each = std::round(each * 64) / 64;  // few digits: a coordinate loses none in f32
  check_body(body, inputs);
  check_body(body, inputs, {}, "x86-64-v3");
}

TEST_CASE("samples of pictures at computed places") {
  check_sample(20, DType::u8, 3, 32, 32, 32, 32);
  check_sample(21, DType::u8, 1, 28, 28, 28, 28);
  check_sample(22, DType::f32, 2, 5, 7, 11, 3);
  check_sample(23, DType::f32, 3, 1, 1, 4, 4);
  check_sample(24, DType::f16, 2, 6, 6, 17, 17);
  check_sample(25, DType::bf16, 1, 9, 33, 8, 40);
}

TEST_CASE("computed indices: rows by arithmetic, of a table of indices too") {
  std::mt19937 random(26);
  Builder builder("turns");
  const ValueId table = builder.input("table", {DType::u8, {9, 3, 5}}),
                indices = builder.input("indices", ir::i32({4}));
  const auto scalar = [&](double value) {
    return builder.create(OpCode::constant, {}, Attrs().set(Attr::values, std::vector<double>{value}), ir::f32({}));
  };
  const ValueId number = builder.create(OpCode::iota, {}, Attrs().set(Attr::axis, 0), ir::f32({16}));
  const ValueId quarter =
      builder.create(OpCode::cast, {builder.create(OpCode::mul, {number, scalar(0.25)})}, {}, ir::i32({16}));
  const ValueId rows = builder.create(OpCode::gather, {table, indices});
  builder.output(
      "y", builder.create(OpCode::cast, {builder.create(OpCode::gather, {rows, quarter})}, {}, ir::f32({16, 3, 5})));
  const ir::Graph body = builder.take();
  std::vector<Tensor> inputs = random_inputs(random, body);
  inputs[1].data = {8, 0, 3, 3};
  check_body(body, inputs);
}

TEST_CASE("integers, bools and narrow floats") {
  std::mt19937 random(11);
  Builder builder("types");
  const auto typed = [](DType dtype) { return Type{dtype, {5, 21}}; };
  const ValueId i = builder.input("i", typed(DType::i32)), u = builder.input("u", typed(DType::u8));
  const ValueId b = builder.input("b", typed(DType::boolean)), h = builder.input("h", typed(DType::f16));
  const ValueId w = builder.input("w", typed(DType::bf16)), f = builder.input("f", typed(DType::f32));
  const auto cast = [&](ValueId value, DType dtype) { return builder.create(OpCode::cast, {value}, {}, typed(dtype)); };
  builder.output("i", builder.create(OpCode::sub, {builder.create(OpCode::mul, {i, i}),
                                                   builder.create(OpCode::max, {i, cast(u, DType::i32)})}));
  builder.output("sum", builder.create(OpCode::reduce_sum, {i}, axes({0, 1})));
  builder.output("most", builder.create(OpCode::reduce_max, {i}, axes({0})));
  builder.output("u", cast(i, DType::u8));
  builder.output("f_to_i", cast(f, DType::i32));
  builder.output("f_to_u", cast(builder.create(OpCode::abs, {f}), DType::u8));
  builder.output("f_to_b", cast(cast(f, DType::i32), DType::boolean));
  builder.output("b", builder.create(OpCode::logical_or,
                                     {builder.create(OpCode::logical_not, {b}), builder.create(OpCode::eq, {u, u})}));
  builder.output("b_to_f", cast(builder.create(OpCode::ne, {b, builder.create(OpCode::lt, {f, builder.constant(0)})}),
                                DType::f32));
  builder.output("h", builder.create(OpCode::mul, {h, cast(f, DType::f16)}));
  builder.output("w", builder.create(OpCode::add, {w, cast(f, DType::bf16)}));
  builder.output("wide", cast(w, DType::f32));
  const ir::Graph body = builder.take();
  for (const std::string cpu : {"native", "x86-64-v3"}) check_body(body, random_inputs(random, body), {}, cpu);
}

TEST_CASE("literals and numbers that vary along few dims") {
  std::mt19937 random(12);
  Builder builder("literal");
  const ValueId x = builder.input("x", ir::f32({4, 3}));
  const ValueId weights =
      builder.create(OpCode::constant, {}, Attrs().set(Attr::values, std::vector<double>{1, -2, 0.5}), ir::f32({3}));
  const ValueId row = builder.create(OpCode::exp, {weights});  // needs no loop over the first dim
  builder.output("y", builder.create(OpCode::mul, {x, row}));
  builder.output("row", row);
  builder.output("sum", builder.create(OpCode::reduce_sum, {row}, axes({0})));
  const ir::Graph body = builder.take();
  check_body(body, random_inputs(random, body));
}

TEST_CASE("NaN and infinity pass through reductions") {
  Builder builder("nan");
  const ValueId x = builder.input("x", ir::f32({3, 40}));
  builder.output("max", builder.create(OpCode::reduce_max, {x}, axes({1})));
  builder.output("sum", builder.create(OpCode::reduce_sum, {x}, axes({1})));
  const ir::Graph body = builder.take();
  Tensor input = reference::filled(ir::f32({3, 40}), 1);
  input.data[5] = std::numeric_limits<double>::quiet_NaN();
  input.data[40 + 17] = -std::numeric_limits<double>::infinity();
  input.data[80 + 39] = std::numeric_limits<double>::infinity();
  check_body(body, {input});
}

TEST_CASE("a kernel of one number") {
  Builder builder("scalar");
  const ValueId x = builder.input("x", ir::f32({}));
  builder.output("y", builder.create(OpCode::exp, {x}));
  const ir::Graph body = builder.take();
  check_body(body, {reference::filled(ir::f32({}), 0.5)});
}

TEST_CASE("an unknown cpu is the user's error, and so is one without AVX2") {
  CHECK_THROWS_WITH_AS(cpu::find_target("zen99"), doctest::Contains("unknown cpu \"zen99\""), Error);
  CHECK_THROWS_WITH_AS(cpu::find_target("x86-64"), doctest::Contains("lacks AVX2"), Error);
  CHECK(cpu::find_target("x86-64-v4").vector_width == 16);
  CHECK(cpu::find_target("x86-64-v3").vector_width == 8);
}

TEST_CASE("object files stand alone, position independent or not") {
  const bench::VaeKernel each = bench::VaeKernels(16).bce();
  const kernel::Kernel lowered = kernel::lower(each.body, {{}, {}}, {{}, {}, {}}, "bce");
  cpu::EmittedModule module({&lowered}, cpu::find_target("x86-64-v3"));
  module.optimise();
  REQUIRE(module.facts().size() == 1);
  CHECK(module.facts()[0].has_finish);
  CHECK(module.object(true).size() > 500);
  CHECK(std::string(module.object(false).data() + 1, 3) == "ELF");
  CHECK(module.assembly().find("call") == std::string::npos);  // no function of a library
}

}  // namespace weft