// Generated CUDA kernels of fused bodies against the reference interpreter.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "backends/cuda/codegen/emit.h"
#include "backends/reference/reference.h"
#include "bench/vae_kernels.h"
#include "ir/builder.h"
#include "ir/error.h"
#include "tests/backends/cuda/cuda_check.h"
#include "tests/support/attrs.h"
#include "tests/support/in_place.h"
#include "tests/support/random_body.h"

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

// Bodies that break lower's contract are left out.
void add_random_bodies(CudaCorpus& corpus, unsigned seed, std::size_t count, bool with_row, bool with_final) {
  std::mt19937 random(seed);
  for (const std::size_t end = corpus.size() + count; corpus.size() < end;) {
    const ir::Graph body = random_body(random, with_row, with_final);
    if (body.outputs.empty()) continue;
    Layouts layouts = random() % 3 == 0 ? Layouts() : random_layouts(random, body);
    if (random() % 2 == 0) put_in_place(body, layouts);
    const std::vector<Tensor> inputs = random_inputs(random, body);
    try {
      corpus.add(body, inputs, layouts);
    } catch (const InternalError& error) {
      CAPTURE(error.what());
      CHECK(breaks_contract(error.what()));
    }
  }
}

// (x - mean) / deviation over `list`, with the sum of its squares over `sums`, where there are any.
ir::Graph normalisation(const ir::Dims& dims, const std::vector<std::int64_t>& list,
                        const std::vector<std::int64_t>& sums) {
  Builder b("normalisation");
  const ValueId x = b.input("x", ir::f32(dims));
  double count = 1;
  for (const std::int64_t axis : list) count *= double(number(dims[std::size_t(axis)]));
  const auto mean = [&](ValueId value) {
    return b.create(OpCode::div, {b.create(OpCode::reduce_sum, {value}, axes(list)), b.constant(count)});
  };
  const ValueId centre = mean(x), centred = b.create(OpCode::sub, {x, centre});
  const ValueId variance = mean(b.create(OpCode::mul, {centred, centred}));
  const ValueId inverse = b.create(OpCode::rsqrt, {b.create(OpCode::add, {variance, b.constant(1e-3)})});
  const ValueId y = b.create(OpCode::mul, {centred, inverse});
  b.output("y", y);
  b.output("mean", centre);
  b.output("inverse", inverse);
  if (!sums.empty()) b.output("sums", b.create(OpCode::reduce_sum, {b.create(OpCode::mul, {y, y})}, axes(sums)));
  return b.take();
}

// x scaled along its last dim, rounded, with its sums over the other dims and the sum of all squares.
ir::Graph scaled_sums(const ir::Dims& dims, DType dtype) {
  Builder b("scaled_sums");
  std::vector<std::int64_t> all, others;
  for (std::size_t i = 0; i < dims.size(); ++i) all.push_back(std::int64_t(i));
  others.assign(all.begin(), all.end() - 1);
  const Type narrow{DType::bf16, dims};
  const ValueId x = b.input("x", {dtype, dims}), scale = b.input("scale", ir::f32({dims.back()}));
  const ValueId wide = b.create(OpCode::cast, {x}, {}, ir::f32(dims));
  const ValueId scaled = b.create(OpCode::mul, {wide, scale});
  b.output("rounded", b.create(OpCode::cast, {scaled}, {}, narrow));
  b.output("sums", b.create(OpCode::reduce_sum, {scaled}, axes(others)));
  b.output("most", b.create(OpCode::reduce_max, {wide}, axes(others)));
  b.output("squares", b.create(OpCode::reduce_sum, {b.create(OpCode::mul, {scaled, scaled})}, axes(all)));
  return b.take();
}

bool any_contains(const std::vector<CudaCase>& cases, const std::string& part) {
  return std::any_of(cases.begin(), cases.end(),
                     [&](const CudaCase& each) { return each.kernel.text.find(part) != std::string::npos; });
}

}  // namespace

TEST_CASE("random bodies") {
  CudaCorpus corpus;
  add_random_bodies(corpus, 11, 48, false, false);
  add_random_bodies(corpus, 12, 48, false, true);
  add_random_bodies(corpus, 13, 48, true, false);
  add_random_bodies(corpus, 14, 48, true, true);
  corpus.check();
}

TEST_CASE("the kernels of a VAE, in place where a step has them so") {
  std::mt19937 random(6);
  CudaCorpus corpus;
  for (const std::int64_t batch : {1, 7, 100})
    for (const bench::VaeKernel& each : bench::VaeKernels(batch, 784, 400, 20, 652 * batch + 5).all()) {
      corpus.add(each.body, random_inputs(random, each), {{}, {}, each.in_place});
    }
  corpus.check();
}

TEST_CASE("each form that a kernel with rows may take") {
  std::mt19937 random(5);
  CudaCorpus corpus;
  const auto add = [&](const ir::Graph& body) { corpus.add(body, random_inputs(random, body)); };
  for (const ir::Graph& in_place : {normalisation({5, 2000}, {1}, {}), normalisation({60, 9, 41}, {1, 2}, {0, 2})})
    corpus.add(in_place, random_inputs(random, in_place), {{}, {}, {{0, 0}}});
  add(normalisation({40, 12}, {1}, {}));            // a few threads a row
  add(normalisation({40, 200}, {1}, {}));           // a warp a row
  add(normalisation({40, 700}, {1}, {}));           // four warps
  add(normalisation({3, 1500}, {1}, {0, 1}));       // a block a row, in registers
  add(normalisation({4, 9000}, {1}, {}));           // rows split among blocks
  add(normalisation({7000, 12}, {0}, {}));          // columns, split among blocks
  add(normalisation({7000, 12}, {0}, {0, 1}));      // and a sum over all
  add(normalisation({100, 33, 4}, {0}, {}));        // columns
  add(normalisation({60, 500}, {1}, {0}));          // rows that add to an array along the row
  add(normalisation({60, 9, 41}, {1, 2}, {0, 2}));  // and along one dim of it
  add(normalisation({9, 8, 50}, {2}, {0, 2}));      // an array along an outer dim
  corpus.check();
  // So that this test keeps up with the plan.
  CHECK(any_contains(corpus.cases(), "_stage1("));
  CHECK(any_contains(corpus.cases(), "_rows("));
  CHECK(any_contains(corpus.cases(), "_kept["));
  CHECK(any_contains(corpus.cases(), "combine_columns"));
  CHECK(any_contains(corpus.cases(), "for (int q = t;"));
}

TEST_CASE("sums of many points go by packs of neighbours") {
  std::mt19937 random(6);
  CudaCorpus corpus;
  const auto add = [&](const ir::Dims& dims, DType dtype) {
    const ir::Graph body = scaled_sums(dims, dtype);
    corpus.add(body, random_inputs(random, body));
  };
  add({4096, 256}, DType::f32);
  add({130, 90, 96}, DType::f32);  // 24 packs of 4
  add({16384, 64}, DType::bf16);
  add({270000, 4}, DType::bf16);
  add({12, 100000}, DType::f32);  // a thread for all of a column
  add({1100, 1001}, DType::f32);  // no packs
  corpus.check();
  int packed = 0;
  for (const CudaCase& each : corpus.cases()) packed += each.kernel.text.find("_sum[k] +=") != std::string::npos;
  CHECK(packed == 5);
  CHECK(any_contains(corpus.cases(), "load_pack<8>(x_in"));  // bf16
}

TEST_CASE("copies that transpose, of all sizes of elements") {
  std::mt19937 random(9);
  CudaCorpus corpus;
  const ir::Dims dims = {3, 70, 33};
  for (const DType dtype : ir::kDTypes)
    for (const kernel::Strides& strides : {kernel::Strides{2310, 1, 70}, {1, 3, 210}, {70, 1, 210}}) {
      Builder b("copy");
      b.output("y", b.create(OpCode::cast, {b.input("x", {dtype, dims})}, {}, Type{dtype, dims}));
      const ir::Graph body = b.take();
      corpus.add(body, random_inputs(random, body), {{strides}, {{}}, {}});
      corpus.last().exact = true;
    }
  CHECK(any_contains(corpus.cases(), "tile[tx][ty + k]"));
  corpus.check();
}

// Too large to run here: indices are of 64 bits, and both compilers take them.
TEST_CASE("kernels of more than 2^31 elements compile") {
  CudaCorpus corpus;
  corpus.add_unrun(normalisation({70000, 70000}, {1}, {}));
  corpus.add_unrun(normalisation({70000, 70000}, {0}, {}));
  corpus.add_unrun(normalisation({70000, 70000}, {1}, {0}));
  corpus.add_unrun(normalisation({2, 1 << 20, 4096}, {1, 2}, {}));
  Builder b("copy");
  const Type type = ir::f32({70000, 70000});
  const ValueId x = b.input("x", type);
  b.output("y", b.create(OpCode::exp, {x}));
  b.output("rows", b.create(OpCode::reduce_sum, {x}, axes({0})));
  corpus.add_unrun(b.take());
  for (const CudaCase& each : corpus.cases()) CHECK(each.kernel.text.find("long long row") != std::string::npos);
  corpus.check();
}

TEST_CASE("random numbers are the reference's to the bit") {
  CudaCorpus corpus;
  for (const std::int64_t size : {1, 7, 4096, 5000}) {
    Builder b("noise");
    const ValueId rng = b.input("rng", ir::i32({4}), ir::Role::rng);
    const auto draw = [&](OpCode code, std::int64_t stream) {
      return b.create(code, {rng}, Attrs().set(Attr::stream, stream), ir::f32({3, size}));
    };
    b.output("uniform", draw(OpCode::random_uniform, 3));
    b.output("normal", draw(OpCode::random_normal, 70000));
    const ir::Graph body = b.take();
    corpus.add(body, {Tensor{ir::i32({4}), {-7, 123456789, 42, 1}}});
    corpus.last().exact = true;
  }
  corpus.check();
}

TEST_CASE("images that are gathered, turned and sampled; literals") {
  std::mt19937 random(8);
  CudaCorpus corpus;
  for (const std::int64_t size : {5, 16}) {
    Builder b("augment");
    const ValueId data = b.input("data", {DType::u8, {9, 3, size, size}}), indices = b.input("indices", ir::i32({4}));
    const ValueId theta = b.input("theta", ir::f32({4, 2, 3}));
    const ValueId rows = b.create(OpCode::gather, {data, indices});
    const ValueId x = b.create(OpCode::cast, {rows}, {}, ir::f32({4, 3, size, size}));
    const ValueId mean = b.create(OpCode::constant, {}, Attrs().set(Attr::values, std::vector<double>{120, 110, 100}),
                                  ir::f32({1, 3, 1, 1}));
    b.output("y",
             b.create(OpCode::sub, {b.create(OpCode::affine_sample, {x, theta}, {}, ir::f32({4, 3, 8, size})), mean}));
    const ir::Graph body = b.take();
    std::vector<Tensor> inputs = random_inputs(random, body);
    for (double& each : inputs[1].data) each = double(random() % 9);
    corpus.add(body, inputs);
  }
  corpus.check();
}

TEST_CASE("casts between all dtypes, and integers") {
  CudaCorpus corpus;
  const std::vector<double> numbers = {0, -0.0, 1.5, -1.5, 255, 256.7, -3, 65504, 65520, 1e-8, 3e38, 0.1, 1 / 3.0, -77};
  for (const DType from : ir::kDTypes)
    for (const DType to : ir::kDTypes) {
      Builder b("cast");
      const ir::Dims dims = {std::int64_t(numbers.size())};
      const ValueId x = b.input("x", {from, dims});
      b.output("y", from == to ? b.create(OpCode::select, {b.create(OpCode::eq, {x, x}), x, x})
                               : b.create(OpCode::cast, {x}, {}, Type{to, dims}));
      Tensor input{{from, dims}, {}};
      for (const double each : numbers) {
        // What no int holds saturates here and wraps in the reference.
        const double value = reference::round_to(from, each);
        input.data.push_back(std::abs(value) < 1e9 || ir::is_float(to) ? value : 5);
      }
      corpus.add(b.take(), {input});
      corpus.last().exact = true;
    }
  Builder b("integers");
  const ValueId x = b.input("x", ir::i32({5})), y = b.input("y", ir::i32({5}));
  for (const OpCode code : {OpCode::add, OpCode::sub, OpCode::mul, OpCode::max, OpCode::min})
    b.output(std::string(ir::name(code)), b.create(code, {x, y}));
  b.output("sum", b.create(OpCode::reduce_sum, {x}, axes({0})));
  b.output("most", b.create(OpCode::reduce_max, {b.create(OpCode::neg, {x})}, axes({0})));
  corpus.add(b.take(), {{ir::i32({5}), {7, -7, 5, 0, 2000000000}}, {ir::i32({5}), {2, 2, -3, 0, 1}}});
  corpus.last().exact = true;
  corpus.check();
}

}  // namespace weft
