// The similarity ops on the cpu: equal to the reference for every shape of tile and size of number, with the same bits
// for any number of threads.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <set>
#include <variant>

#include "backends/compile.h"
#include "backends/cpu/program/schedule.h"
#include "backends/cpu/similarity/tiles.h"
#include "backends/reference/reference.h"
#include "ir/contraction.h"
#include "ir/error.h"
#include "ir/verify.h"
#include "passes/expr.h"
#include "passes/passes.h"

using namespace weft;
using passes::Expr;
using passes::GraphPtr;
using reference::Tensor;

namespace {

// Both ops over rows x of n x d, scaled by r, with the gradients w of the results; with `block`, over tiles that are
// kept.
GraphPtr both_ops(std::int64_t n, std::int64_t d, std::int64_t block = 0) {
  ir::Builder builder("similarity");
  const auto input = [&](const char* name, ir::Dims dims) {
    return Expr{&builder, builder.input(name, ir::f32(std::move(dims)))};
  };
  const Expr x = input("x", {n, d}), r = input("r", {n, 1}), w = input("w", {n, 1});
  std::vector<Expr> tiles;
  if (block > 0)
    tiles = {passes::apply(ir::OpCode::similarity_tiles, {x}, {}, ir::similarity_tiles_type(ir::f32({n, d}), block))};
  const auto with_tiles = [&](std::vector<Expr> operands) {
    operands.insert(operands.end(), tiles.begin(), tiles.end());
    return operands;
  };
  const Expr lse = passes::apply(ir::OpCode::similarity_lse, with_tiles({x, r}));
  builder.output("lse", lse.id);
  builder.output("dx", passes::apply(ir::OpCode::similarity_lse_grad, with_tiles({x, r, lse, w})).id);
  if (block > 0) builder.output("tiles", tiles[0].id);
  return std::make_shared<const ir::Graph>(builder.take());
}

// Rows of about length 1 once scaled, and s_ij of up to `largest`.
std::vector<Tensor> inputs_for(const ir::Graph& graph, double largest, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<Tensor> inputs;
  for (const ir::Input& input : graph.inputs) {
    inputs.push_back(reference::filled(graph.type(input.value), 0));
    for (double& each : inputs.back().data) each = double(normal(random));
  }
  const std::size_t n = inputs[1].data.size(), d = inputs[0].data.size() / n;
  for (std::size_t i = 0; i < n; ++i) {
    double square = 0;
    for (std::size_t k = 0; k < d; ++k) square += inputs[0].data[i * d + k] * inputs[0].data[i * d + k];
    inputs[1].data[i] = double(float(std::sqrt(largest / square)));
  }
  return inputs;
}

std::vector<Tensor> run_on_cpu(const GraphPtr& graph, const std::vector<Tensor>& inputs, int threads) {
  CompileOptions options;
  options.threads = threads;
  const auto program = compile(graph, options);
  std::vector<Tensor> outputs;
  for (int again = 0; again < 2; ++again) {  // what an earlier run left behind must not matter
    for (std::size_t i = 0; i < inputs.size(); ++i) reference::to_bytes(inputs[i], program->input(int(i)));
    program->run();
  }
  for (std::size_t i = 0; i < program->outputs().size(); ++i)
    outputs.push_back(reference::from_bytes(program->outputs()[i].type, program->output(int(i))));
  return outputs;
}

double largest_difference(const Tensor& a, const Tensor& b) {
  double largest = 0, scale = 1e-6;
  for (std::size_t i = 0; i < a.data.size(); ++i) {
    const double difference = std::abs(a.data[i] - b.data[i]);
    largest = std::isnan(difference) ? INFINITY : std::max(largest, difference);
    scale = std::max(scale, std::abs(b.data[i]));
  }
  return largest / scale;
}

// Where both are finite; infinity where they are not so in the same places.
double largest_finite_difference(Tensor a, Tensor b) {
  for (std::size_t i = 0; i < a.data.size(); ++i) {
    if (std::isfinite(a.data[i]) != std::isfinite(b.data[i])) return INFINITY;
    if (!std::isfinite(a.data[i])) a.data[i] = b.data[i] = 0;
  }
  return largest_difference(a, b);
}

bool same_bits(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  for (std::size_t i = 0; i < a.size(); ++i)
    if (std::memcmp(a[i].data.data(), b[i].data.data(), a[i].data.size() * sizeof(double)) != 0) return false;
  return a.size() == b.size();
}

}  // namespace

TEST_CASE("a tournament: every pair once, nobody twice in a round") {
  for (const std::int64_t players : {1, 2, 3, 4, 7, 8, 33}) {
    CAPTURE(players);
    const cpu::Tournament tournament{players};
    std::set<std::pair<std::int64_t, std::int64_t>> met;
    for (std::int64_t round = 0; round < tournament.rounds(); ++round) {
      std::set<std::int64_t> busy;
      for (std::int64_t i = 0; i < tournament.pairs(); ++i) {
        const auto pair = tournament.pair(round, i);
        CHECK(pair.first < pair.second);
        if (pair.second == players) continue;
        CHECK(pair.second < players);
        CHECK(busy.insert(pair.first).second);
        CHECK(busy.insert(pair.second).second);
        CHECK(met.insert(pair).second);
      }
    }
    CHECK(std::int64_t(met.size()) == players * (players - 1) / 2);
  }
}

TEST_CASE("every tile is visited once, and each block meets the others in one order for any number of threads") {
  for (const std::int64_t blocks : {1, 2, 5, 33, 70}) {
    CAPTURE(blocks);
    // Of each block, the blocks it met in turn.
    const auto meetings = [&](int workers) {
      std::vector<std::vector<std::int64_t>> met(static_cast<std::size_t>(blocks));
      cpu::TileWalk walk(blocks, workers);
      CHECK(walk.workers() <= workers);
      walk.run([&](std::size_t worker, const cpu::Tile& tile) {
        CHECK(worker < std::size_t(walk.workers()));
        met[std::size_t(tile.row)].push_back(tile.column);
        if (!tile.is_diagonal()) met[std::size_t(tile.column)].push_back(tile.row);
      });
      return met;
    };
    const auto one = meetings(1);
    for (std::vector<std::int64_t> met : one) {
      std::sort(met.begin(), met.end());
      CHECK(met.size() == std::size_t(blocks));
      CHECK(std::adjacent_find(met.begin(), met.end()) == met.end());
    }
    CHECK(one == meetings(2));
    CHECK(one == meetings(3));
  }
}

TEST_CASE("both ops equal the reference, for whole and broken tiles, small and huge exponents, any thread count") {
  struct Case {
    std::int64_t n, d;
    double largest;
  };
  // 40 is where the kernels that take a maximum out begin.
  const Case cases[] = {{2, 1, 2},     {2, 3, 200},    {3, 1, 100},   {17, 5, 10}, {128, 16, 2},
                        {129, 7, 2},   {130, 8, 100},  {191, 33, 39}, {200, 4, 2}, {256, 8, 41},
                        {513, 16, 20}, {640, 3, 1000}, {4500, 2, 3}};
  for (const auto& [n, d, largest] : cases) {
    CAPTURE(n);
    CAPTURE(d);
    CAPTURE(largest);
    const GraphPtr graph = both_ops(n, d);
    const auto inputs = inputs_for(*graph, largest, unsigned(n));
    const auto expected = reference::run<double>(*graph, inputs);
    const auto one = run_on_cpu(graph, inputs, 1);
    CHECK(largest_difference(one[0], expected[0]) < 2e-6);
    CHECK(largest_difference(one[1], expected[1]) < 1e-4 * std::max(1.0, largest / 100));
    CHECK(same_bits(one, run_on_cpu(graph, inputs, 2)));
    CHECK(same_bits(one, run_on_cpu(graph, inputs, 5)));
    if (n > 700) continue;

    // The same with tiles: bit for bit in the backend's own blocks, as near in any other.
    const std::int64_t block = cpu::SimilarityShape(n, d).block;
    for (const std::int64_t each : {block, std::int64_t(5)}) {
      CAPTURE(each);
      const GraphPtr kept = both_ops(n, d, each);
      const auto expected_kept = reference::run<double>(*kept, inputs);
      CHECK(largest_difference(expected_kept[0], expected[0]) < 1e-12);
      CHECK(largest_difference(expected_kept[1], expected[1]) < 1e-12);
      auto from_kept = run_on_cpu(kept, inputs, 2);
      CHECK(largest_finite_difference(from_kept[2], expected_kept[2]) < 2e-6);
      from_kept.pop_back();
      CHECK(largest_difference(from_kept[0], expected[0]) < 2e-6);
      CHECK(largest_difference(from_kept[1], expected[1]) < 1e-4 * std::max(1.0, largest / 100));
      CHECK((each != block || same_bits(from_kept, one)));
    }
  }
}

TEST_CASE("the loss, its gradient and kept tiles are computed tile by tile, not as the reference does") {
  const auto kinds = [](std::int64_t block) {
    const GraphPtr graph = both_ops(8, 4, block);
    const cpu::Schedule schedule(*graph, {});
    std::set<weft_similarity> found;
    for (const weft_step& step : schedule.steps())
      if (step.kind == WEFT_STEP_SIMILARITY) found.insert(runtime::table_of<weft_similarity_step>(step).code);
    return found;
  };
  CHECK(kinds(0) == std::set{WEFT_SIMILARITY_LSE, WEFT_SIMILARITY_GRADIENT});
  CHECK(kinds(cpu::SimilarityShape(8, 4).block) ==
        std::set{WEFT_SIMILARITY_LSE, WEFT_SIMILARITY_GRADIENT, WEFT_SIMILARITY_TILES});
  CHECK(kinds(5).empty());  // blocks of a hand-written graph
}

TEST_CASE("the products of few rows are kept from the loss for its gradient, those of many are not") {
  const auto ops = [](std::int64_t n, bool choose) {
    passes::Context context;
    if (choose) context.target.similarity_block = cpu::kept_similarity_block;
    const GraphPtr graph = passes::similarities(both_ops(n, 4), context);
    ir::verify(*graph);
    std::vector<std::size_t> operands(3, 0);
    for (const ir::Op& op : graph->ops) {
      if (op.code == ir::OpCode::similarity_lse) operands[0] = op.operands.size();
      if (op.code == ir::OpCode::similarity_lse_grad) operands[1] = op.operands.size();
      operands[2] += op.code == ir::OpCode::similarity_tiles;
    }
    return operands;
  };
  using Counts = std::vector<std::size_t>;
  CHECK(ops(2048, true) == Counts{3, 5, 1});
  CHECK(ops(2049, true) == Counts{2, 4, 0});
  CHECK(ops(2048, false) == Counts{2, 4, 0});

  // A loss whose gradient nobody asks for is left alone, though another op has the operands of one.
  ir::Builder builder("forward");
  const Expr x{&builder, builder.input("x", ir::f32({8, 4}))}, r{&builder, builder.input("r", ir::f32({8, 1}))};
  const Expr lse = passes::apply(ir::OpCode::similarity_lse, {x, r});
  builder.output("lse", lse.id);
  builder.output("beside", passes::concat({x, r, lse, r}, 1).id);
  const auto forward = std::make_shared<const ir::Graph>(builder.take());
  passes::Context context;
  context.target.similarity_block = cpu::kept_similarity_block;
  CHECK(passes::similarities(forward, context) == forward);
}

TEST_CASE("a row is compared with the others: one alone is an error that says so") {
  ir::Builder builder("g");
  const Expr x{&builder, builder.input("x", ir::f32({1, 4}))}, r{&builder, builder.input("r", ir::f32({1, 1}))};
  CHECK_THROWS_WITH_AS(passes::apply(ir::OpCode::similarity_lse, {x, r}),
                       doctest::Contains("needs at least 2; got f32[1,4]"), Error);
}

TEST_CASE("tiles of another shape than the rows' are an error that says which they should be") {
  ir::Builder builder("g");
  const Expr x{&builder, builder.input("x", ir::f32({8, 4}))}, r{&builder, builder.input("r", ir::f32({8, 1}))};
  const Expr tiles{&builder, builder.input("tiles", ir::f32({2, 4, 4}))};  // 3 pairs of 2 blocks
  const auto* expected = "the tiles of rows f32[8,4] are [m(m+1)/2,T,T] of f32, m = n/T rounded up and n a number; got";
  CHECK_THROWS_WITH_AS(passes::apply(ir::OpCode::similarity_lse, {x, r, tiles}), doctest::Contains(expected), Error);
  CHECK_THROWS_WITH_AS(passes::apply(ir::OpCode::similarity_tiles, {x}, {}, ir::f32({3, 5, 4})),
                       doctest::Contains(expected), Error);
}
