// Compile time grows with the graph, not with its square: counted in allocations and in steps of searches, which are
// the same on every machine, where seconds are not. bench/scaling.cpp has the seconds.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <random>

#include "bench/scaling_graphs.h"
#include "ir/error.h"
#include "ir/text/parse.h"
#include "ir/text/print.h"
#include "ir/verify.h"
#include "passes/fuse/search.h"
#include "passes/pipeline.h"
#include "passes/plan/offsets.h"
#include "passes/plan/plan.h"

using namespace weft;

namespace {

std::int64_t allocations = 0;

}  // namespace

void* operator new(std::size_t bytes) {
  ++allocations;
  if (void* memory = std::malloc(std::max<std::size_t>(bytes, 1))) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {  // the library's temporary buffers
  ++allocations;
  return std::malloc(std::max<std::size_t>(bytes, 1));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

struct Count {
  std::string stage;
  std::int64_t count = 0;
};

// What each stage of a compile takes, in its order.
class Counts {
 public:
  template <typename Run>
  auto stage(const std::string& name, Run run) {
    const std::int64_t before = allocations;
    auto result = run();
    all.push_back({name, allocations - before});
    return result;
  }
  std::vector<Count> all;
};

std::vector<Count> compile(const bench::Shape& shape, int size) {
  Counts counts;
  passes::Context context;
  ir::GraphPtr graph = counts.stage("build", [&] { return shape.make(size); });
  std::vector<std::string> names = shape.trains ? passes::gradient_pipeline() : passes::forward_pipeline();
  if (shape.trains) names.push_back("update");
  for (std::string& name : passes::compile_pipeline()) names.push_back(std::move(name));
  for (const std::string& name : names) {
    if (name == "fuse") {
      const kernel::RegionGraph regions(*graph);
      counts.all.push_back({"detours", passes::Search(regions).steps()});
    }
    graph = counts.stage(name, [&] { return passes::find_pass(name)->run(graph, context); });
  }
  counts.stage("plan", [&] { return passes::make_plan(*graph).arena_bytes; });
  const std::string text = counts.stage("print", [&] { return ir::print(*graph); });
  counts.stage("parse", [&] { return ir::parse_graph(text, "text"); });
  counts.stage("verify", [&] { return ir::verify(*graph), 0; });
  counts.stage("bind", [&] { return ir::bind(*graph, {}); });
  return counts.all;
}

}  // namespace

TEST_CASE("every stage of a compile takes twice as much for twice the graph") {
  constexpr double kMost = 2.5;  // n log n is below 2.3 here, n squared is 4
  int checked = 0;
  for (const bench::Shape& shape : bench::shapes()) {
    const std::vector<Count> small = compile(shape, 2500), large = compile(shape, 5000);
    REQUIRE(small.size() == large.size());
    for (std::size_t i = 0; i < small.size(); ++i) {
      if (large[i].count < 2000) continue;
      CAPTURE(shape.name);
      CAPTURE(small[i].stage);
      CHECK(double(large[i].count) <= kMost * double(std::max<std::int64_t>(small[i].count, 500)));
      ++checked;
    }
  }
  MESSAGE(checked, " stages counted");
  CHECK(checked > 60);
}

TEST_CASE("a kernel has no more ops than its code can be made of in time, and siblings still share kernels") {
  passes::Context context;
  for (const bench::Shape& shape : bench::shapes()) {
    if (shape.trains) continue;
    CAPTURE(shape.name);
    const ir::GraphPtr fused = passes::run_passes(shape.make(3000), passes::compile_pipeline(), context);
    std::size_t largest = 0, kernels = 0;
    for (const ir::Op& op : fused->ops)
      if (op.code == ir::OpCode::fused) {
        ++kernels;
        largest = std::max(largest, op.body->ops.size());
      }
    CHECK(largest >= passes::kMostMembers);      // constants come on top
    CHECK(largest <= 2 * passes::kMostMembers);  // at most one each here
    CHECK(kernels <= 3000 / passes::kMostMembers + 4);
  }
}

TEST_CASE("offsets in an arena are the lowest that are free") {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    const int steps = 1 + int(random() % 40);
    struct Placed {
      std::size_t offset, bytes;
      int first, last;
    };
    std::vector<Placed> placed;
    passes::Offsets offsets(steps);
    for (int i = 0; i < 40; ++i) {
      const int a = int(random() % unsigned(steps)), b = int(random() % unsigned(steps));
      const int first = std::min(a, b), last = std::max(a, b);
      const std::size_t bytes = 1 + random() % 9;
      std::size_t lowest = 0;
      const auto clash = [&](const Placed& other) {
        return other.first <= last && first <= other.last && other.offset < lowest + bytes &&
               lowest < other.offset + other.bytes;
      };
      while (std::any_of(placed.begin(), placed.end(), clash)) ++lowest;
      REQUIRE(offsets.place(bytes, first, last) == lowest);
      placed.push_back({lowest, bytes, first, last});
    }
  }
}

namespace {

// Ops that each read up to two of the few before them.
ir::GraphPtr random_ops(unsigned seed, int count) {
  std::mt19937 random(seed);
  std::string text = "graph @g(%x: f32[4]) -> f32[4] {\n  %v0 = neg %x : f32[4]\n";
  for (int i = 1; i < count; ++i) {
    const int a = std::max(0, i - 1 - int(random() % 8)), b = std::max(0, i - 1 - int(random() % 8));
    text += fmt::format("  %v{} = add %v{}, %v{} : f32[4]\n", i, a, b);
  }
  return std::make_shared<const ir::Graph>(
      ir::parse_graph(text + fmt::format("  return %v{}\n}}\n", count - 1), "test"));
}

// By looking at all nodes.
bool has_detour(const ir::Graph& graph, const passes::Partition& partition, std::uint32_t from, std::uint32_t to) {
  std::vector<bool> reached(graph.ops.size(), false);  // by node, through a node that is neither
  for (bool grew = true; grew;) {
    grew = false;
    for (ir::OpId id = 0; id < graph.ops.size(); ++id)
      for (const ir::ValueId operand : graph.ops[id].operands) {
        const ir::OpId maker = graph.values[operand].op;
        if (maker == ir::kNone) continue;
        const std::uint32_t before = partition.node_of(maker), node = partition.node_of(id);
        if (before == node || (before == from && node == to) || (before != from && !reached[before])) continue;
        if (!reached[node]) grew = true;
        reached[node] = true;
      }
  }
  return reached[to];
}

}  // namespace

TEST_CASE("the list of nodes makes room where many move to one place") {
  // Each of many sums takes a value that stands behind the node that all of them merge into.
  constexpr int kSums = 100;
  std::string text = "graph @g(%x: f32[4]) -> f32[4] {\n  %s0 = neg %x : f32[4]\n";
  for (int i = 1; i <= kSums; ++i)
    text += fmt::format("  %a{} = mul %x, %x : f32[4]\n  %b{} = neg %a{} : f32[4]\n  %s{} = add %s0, %b{} : f32[4]\n",
                        i, i, i, i, i);
  const ir::GraphPtr graph =
      std::make_shared<const ir::Graph>(ir::parse_graph(text + fmt::format("  return %s{}\n}}\n", kSums), "test"));
  const std::vector<std::vector<ir::OpId>> users = ir::users_of(*graph);
  passes::Partition partition(*graph, users);
  for (int i = 1; i <= kSums; ++i) REQUIRE(partition.merge(0, ir::OpId(3 * i)));
  for (int i = 1; i <= kSums; ++i) {
    REQUIRE(partition.has_detour(0, ir::OpId(3 * i - 2)));  // a[i], through b[i]
    REQUIRE(!partition.has_detour(0, ir::OpId(3 * i - 1)));
    REQUIRE(!partition.merge(0, ir::OpId(3 * i - 2)));
  }
}

TEST_CASE("nodes merge where no path leads around, and only there") {
  int merged = 0, refused = 0;
  for (unsigned seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    const ir::GraphPtr graph = random_ops(seed, 40);
    const std::vector<std::vector<ir::OpId>> users = ir::users_of(*graph);
    passes::Partition partition(*graph, users);
    std::mt19937 random(seed);
    for (int i = 0; i < 60; ++i) {
      const std::uint32_t a = partition.node_of(ir::OpId(random() % 40)),
                          b = partition.node_of(ir::OpId(random() % 40));
      if (a == b) continue;
      const bool detour = has_detour(*graph, partition, a, b) || has_detour(*graph, partition, b, a);
      REQUIRE(partition.has_detour(a, b) == detour);
      REQUIRE(partition.merge(a, b) == !detour);
      ++(detour ? refused : merged);
      if (!detour) REQUIRE(partition.node_of(partition.members(a).back()) == a);
    }
  }
  CHECK(merged > 200);
  CHECK(refused > 200);
}
