// The DSL: places and scopes of ops, types, sharing by name, errors. What functions compute: frontend_values_test.cpp.
#include <doctest/doctest.h>

#include <set>

#include "frontend/weft.h"
#include "ir/error.h"
#include "ir/op.h"
#include "tests/support/evaluate.h"

using namespace weft;
using test::error_of;
using test::graph_of;

namespace {

constexpr Mode kTrain = Mode::train;
constexpr Mode kEval = Mode::eval;

// The lines that the ops of an entry carry; all must be of this file.
std::set<int> lines_of(const std::function<void(Entry&)>& fill) {
  const ir::Graph graph = graph_of(kTrain, fill);
  std::set<int> lines;
  for (const ir::Op& op : graph.ops) {
    CHECK(op.location.file == "frontend_test.cpp");
    lines.insert(op.location.line);
  }
  return lines;
}

// What `fill` throws, with its line's distance from `line` in place of the number, so that texts below can be exact.
std::string entry_error(int line, const std::function<void(Entry&)>& fill) {
  std::string message = error_of([&] { graph_of(kTrain, fill); });
  for (int offset = 0; offset < 9; ++offset) {
    const std::string number = std::to_string(line + offset);
    for (std::size_t at; (at = message.find("frontend_test.cpp:" + number)) != std::string::npos;)
      message.replace(at, std::string("frontend_test.cpp:").size() + number.size(), "+" + std::to_string(offset));
  }
  return message;
}

// The type of what `make` makes of an input x of the given dims.
std::string type_of(const Dims& dims, const std::function<Tensor(Tensor)>& make) {
  std::string type;
  graph_of(kTrain, [&](Entry& entry) { type = ir::to_string(make(entry.input("x", dims)).type()); });
  return type;
}

}  // namespace

// Places, scopes, names

TEST_CASE("every op carries the line where the user wrote it") {
  const auto line_of = [](const std::function<Tensor(Tensor)>& make) {
    const std::set<int> lines = lines_of([&](Entry& entry) { make(entry.input("x", {B, 4})); });
    REQUIRE(lines.size() == 1);
    return *lines.begin();
  };
  const Activation act = activation("elu");
  const Linear fc("fc", 4, 4);
  CHECK(line_of([](Tensor x) { return x + x; }) == __LINE__);
  CHECK(line_of([](Tensor x) { return x + 1; }) == __LINE__);
  CHECK(line_of([](Tensor x) { return 1 - x; }) == __LINE__);
  CHECK(line_of([](Tensor x) { return -x; }) == __LINE__);
  CHECK(line_of([](Tensor x) { return x < 2; }) == __LINE__);
  CHECK(line_of([](Tensor x) { return exp(x); }) == __LINE__);
  CHECK(line_of([](Tensor x) { return mean(x, 1); }) == __LINE__);
  CHECK(line_of([](Tensor x) { return gelu(x); }) == __LINE__);
  CHECK(line_of([](Tensor x) { return bce(sigmoid(x), x); }) == __LINE__);
  CHECK(line_of([](Tensor x) { return kl_normal(x, x); }) == __LINE__);
  CHECK(line_of([](Tensor x) { return reparameterize(x, x); }) == __LINE__);
  CHECK(line_of([](Tensor) { return random_normal({3}); }) == __LINE__);
  CHECK(line_of([](Tensor x) { return concat({x, x}, 0); }) == __LINE__);
  CHECK(line_of([&](Tensor x) { return act(x); }) == __LINE__);
  CHECK(line_of([&](Tensor x) { return fc(x); }) == __LINE__);
  CHECK(line_of([](Tensor x) { return BatchNorm("bn", 4)(x); }) == __LINE__);
  CHECK(line_of([](Tensor x) { return Dropout(0.5)(x); }) == __LINE__);
}

TEST_CASE("scopes nest; a layer's is its name") {
  const ir::Graph graph = graph_of(kEval, [](Entry& entry) {
    Tensor x = entry.input("x", {B, 4});
    const Scope outer("outer");
    x = exp(x).named("in_outer");
    {
      const Scope inner("inner");
      x = exp(x).named("in_inner");
      x = Mlp("head", 4, {3}, relu)(x).named("not this: it has a name");
    }
    entry.output("y", log1p(x));
  });
  std::map<std::string, std::string> scopes;
  for (const ir::Op& op : graph.ops) scopes[graph.values[op.results[0]].name] = op.location.scope;
  CHECK(scopes["in_outer"] == "outer");
  CHECK(scopes["in_inner"] == "outer/inner");
  CHECK(scopes["head.fc1"] == "head/fc1");
  CHECK(scopes["y"] == "outer");
  CHECK(graph.find_input("head.fc1.weight") != ir::kNone);
}

TEST_CASE("equal expressions are one op") {
  const ir::Graph graph = graph_of(kEval, [](Entry& entry) {
    const Tensor x = entry.input("x", {B, 4});
    entry.output("y", exp(x) + exp(x));
  });
  CHECK(graph.ops.size() == 2);
}

TEST_CASE("each use of random numbers has a stream of its own, and all share one seed") {
  const ir::Graph graph = graph_of(kTrain, [](Entry& entry) {
    entry.output("a", random_normal({3}));
    entry.output("b", random_normal({3}));
    entry.output("c", random_uniform({3}));
  });
  std::set<std::int64_t> streams;
  for (const ir::Op& op : graph.ops) streams.insert(op.attrs.integer(ir::Attr::stream));
  CHECK(streams.size() == 3);
  REQUIRE(graph.inputs.size() == 1);
  CHECK(graph.inputs[0].role == ir::Role::rng);
  CHECK(graph.type(graph.inputs[0].value) == ir::i32({4}));
}

// The whole op table

TEST_CASE("every op that a user may write has a function") {
  const ir::Graph graph = graph_of(kTrain, [](Entry& entry) {
    const Tensor x = entry.input("x", {B, 6});
    const Tensor image = entry.input("image", {B, 2, 6, 6});
    const Tensor labels = entry.input("labels", {B}, DType::i32);
#define CALL_1(name) name(x);
#define CALL_2(name) name(x, 2);
#define FUNCTION(name, arity, ...) CALL_##arity(name)
#include "ir/ops.def"
    -x, cast(x, DType::f16), x + x, x - 1, x *x, x / x, maximum(x, 1), minimum(x, 1);
    const Tensor some = ((x == x) & (x != x)) | ((x < x) & (x <= x)) | ((x > x) & !(x >= x));
    select(some, x, 0), sum(x), max(x), matmul(x, transpose(x));
    conv2d(image, constant(1, {2, 2, 3, 3})), conv_transpose2d(image, constant(1, {2, 2, 3, 3}));
    max_pool2d(image, 2), avg_pool2d(image, 2), affine_sample(image, constant(1, {B, 2, 3}), 3, 3);
    broadcast(x, {2, B, 6}), reshape(x, {-1}), slice(x, 1, 0, 2), pad(x, 1, 1, 1), concat({x, x}, 0);
    gather(constant(1, {9, 3}), labels), scatter_add(labels, x, 9);
    iota({3}, 0), dim_size(B), random_uniform({2}), random_normal({2});
  });
  std::set<ir::OpCode> made;
  for (const ir::Op& op : graph.ops) made.insert(op.code);
  // What only passes make: gradients, flat vectors, losses that stream, fused regions.
  using enum ir::OpCode;
  const std::set<ir::OpCode> internal = {conv2d_weight_grad,
                                         similarity_lse,
                                         similarity_lse_grad,
                                         similarity_tiles,
                                         max_pool2d_grad,
                                         avg_pool2d_grad,
                                         affine_sample_grad,
                                         pack,
                                         view,
                                         fused};
  for (std::size_t i = 0; i < ir::op_table().size(); ++i) {
    CAPTURE(ir::op_table()[i].name);
    CHECK(made.count(ir::OpCode(i)) + internal.count(ir::OpCode(i)) == 1);
  }
}

// Types

TEST_CASE("types of ops and layers") {
  CHECK(type_of({B, 784}, Linear("fc", 784, 10)) == "f32[B,10]");
  CHECK(type_of({B, 784}, Mlp("mlp", 784, {100, 20}, weft::tanh)) == "f32[B,20]");
  CHECK(type_of({B, 784}, Mlp("mlp", 784, {}, weft::tanh)) == "f32[B,784]");
  CHECK(type_of({B, 3, 32, 32}, Conv2d("c", 3, 8, 3, {.stride = 2, .padding = 1})) == "f32[B,8,16,16]");
  CHECK(type_of({B, 4, 32, 20}, Conv2d("c", 4, 8, {5, 3}, {.dilation = {1, 2}, .groups = 2})) == "f32[B,8,28,16]");
  CHECK(type_of({B, 8, 7, 7}, ConvTranspose2d("d", 8, 1, 3, {.stride = 2, .padding = 1})) == "f32[B,1,13,13]");
  CHECK(type_of({B, 8, 7, 7}, ConvTranspose2d("d", 8, 1, 3, {.stride = 2, .padding = 1, .output_size = 14})) ==
        "f32[B,1,14,14]");
  CHECK(type_of({B, 8, 7, 7}, ConvTranspose2d("d", 8, 6, 3, {.stride = 2, .groups = 2, .output_size = {{15, 16}}})) ==
        "f32[B,6,15,16]");
  CHECK(type_of({B, 8, 7, 7}, BatchNorm("bn", 8)) == "f32[B,8,7,7]");
  CHECK(type_of({B, 8}, BatchNorm("bn", 8)) == "f32[B,8]");
  CHECK(type_of({B, 8}, Dropout(0.5)) == "f32[B,8]");
  CHECK(type_of({B, 8}, GaussianNoise(0.5)) == "f32[B,8]");
  CHECK(type_of({B, 8, 6, 4}, [](Tensor x) { return max_pool2d(x, 2); }) == "f32[B,8,3,2]");
  CHECK(type_of({B, 8, 6, 6}, [](Tensor x) { return avg_pool2d(x, 3, {.stride = 1, .padding = 1}); }) ==
        "f32[B,8,6,6]");
  CHECK(type_of({B, 8, 6, 6}, global_average) == "f32[B,8]");
  CHECK(type_of({B, 8, 6, 6}, flatten) == "f32[B,288]");
  CHECK(type_of({B, 288}, [](Tensor x) { return reshape(x, {B, 8, -1, 6}); }) == "f32[B,8,6,6]");
  CHECK(type_of({B, 288}, [](Tensor x) { return reshape(x, {-1, 144}); }) == "f32[2*B,144]");
  CHECK(type_of({B, 8, 6}, [](Tensor x) { return transpose(x, {0, -1, 1}); }) == "f32[B,6,8]");
  CHECK(type_of({B, 8}, [](Tensor x) { return slice(x, -1, 2, 5); }) == "f32[B,3]");
  CHECK(type_of({Dim("B", 2), 8}, [](Tensor x) { return slice(x, 0, B, Dim("B", 2)); }) == "f32[B,8]");
  CHECK(type_of({B, 8}, [](Tensor x) { return pad(x, 1, 0, 3); }) == "f32[B,11]");
  CHECK(type_of({B, 8}, [](Tensor x) { return concat({x, x}, 0); }) == "f32[2*B,8]");
  CHECK(type_of({B, 8}, [](Tensor x) { return sum(x, 0); }) == "f32[8]");
  CHECK(type_of({B, 8}, [](Tensor x) { return sum(x, {0, 1}, true); }) == "f32[1,1]");
  CHECK(type_of({B, 8}, [](Tensor x) { return mean(x); }) == "f32[]");
  CHECK(type_of({B, 8}, [](Tensor x) { return argmax(x, -1); }) == "i32[B]");
  CHECK(type_of({B, 8}, [](Tensor x) { return softmax(x); }) == "f32[B,8]");
  CHECK(type_of({B, 8}, [](Tensor x) { return mse(x, x); }) == "f32[]");
  CHECK(type_of({B}, [](Tensor x) { return one_hot(cast(x, DType::i32), 10); }) == "f32[B,10]");
}

TEST_CASE("numbers beside a tensor take its dtype") {
  graph_of(kEval, [](Entry& entry) {
    const Tensor labels = entry.input("labels", {B}, DType::i32);
    CHECK((labels + 1).dtype() == DType::i32);
    CHECK(select(labels < 3, labels, 0).dtype() == DType::i32);
    CHECK(select(labels < 3, 1, 0).dtype() == DType::f32);
  });
  const std::string error =
      error_of([] { graph_of(kEval, [](Entry& entry) { entry.input("labels", {B}, DType::i32) * 0.5; }); });
  CHECK(error.find("[constant] 0.5 is not a valid i32") != std::string::npos);
}

// Entries

TEST_CASE("entries share parameters by name, and say so where they differ") {
  const auto module_with = [](const std::function<void(Entry&)>& second) {
    ir::Module module{"m", {}};
    {
      Entry entry(module, "loss", kTrain);
      Linear("fc", 4, 2)(entry.input("x", {B, 4}));
      entry.hyper("beta", 1);
    }
    Entry entry(module, "test", kEval);
    second(entry);
    return 0;
  };
  module_with([](Entry& entry) { Linear("fc", 4, 2)(entry.input("x", {B, 4})); });
  const auto message = [&](const std::function<void(Entry&)>& second) {
    const std::string whole = error_of([&] { module_with(second); });
    return whole.substr(std::min(whole.size(), whole.find(": ")));
  };
  CHECK(message([](Entry& entry) {
          Linear("fc", 4, 3)(entry.input("x", {B, 4}));
        }) == ": \"fc.weight\" is param f32[4,3] here, but param f32[4,2] in entry \"loss\"");
  CHECK(message([](Entry& entry) {
          Linear("fc", 4, 2, {.initialiser = zeros})(entry.input("x", {B, 4}));
        }) == ": \"fc.weight\" starts with other values here than in entry \"loss\"");
  CHECK(message([](Entry&) { state("beta", {}, zeros()); }) ==
        ": \"beta\" is state f32[] here, but hyper f32[] in entry \"loss\"");
}

TEST_CASE("an entry that an error leaves does not reach the module") {
  ir::Module module{"m", {}};
  const auto broken = [&] {
    Entry entry(module, "loss", kTrain);
    entry.input("x", {B, 4}) + entry.input("y", {B, 5});
  };
  CHECK_THROWS_AS(broken(), Error);
  CHECK(module.graphs.empty());
  const Entry entry(module, "loss", kTrain);  // and another may be opened
}

// Errors

TEST_CASE("errors name the user's line, the op, both facts and their places") {
  struct Case {
    int line;  // where the row begins
    std::function<void(Entry&)> fill;
    std::string message;
  };
  const std::vector<Case> cases = {
      {__LINE__,
       [](Entry& entry) {
         const Tensor x = entry.input("x", {B, 784});
         const Tensor w = parameter("w", {512, 128}, zeros());
         matmul(x, w);
       },
       "+4: [matmul] inner dimensions differ: f32[B,784] x f32[512,128]\n"
       "  x f32[B,784] from +2, w f32[512,128] from +3"},
      {__LINE__,
       [](Entry& entry) {
         const Tensor x = exp(entry.input("x", {B, 784}));
         Linear("encoder.fc1", 512, 128)(x);
       },
       "+3: [matmul] inner dimensions differ: f32[B,784] x f32[512,128]\n"
       "  operand 0 f32[B,784] from +2, encoder.fc1.weight f32[512,128] from +3 (encoder/fc1)"},
      {__LINE__,
       [](Entry& entry) {
         sum(entry.input("x", {B, 784}), 2);
       },
       "+2: axis 2 is beyond f32[B,784]"},
      {__LINE__,
       [](Entry& entry) {
         sum(entry.input("x", {B, 784}), {1, -1});
       },
       "+2: an axis of f32[B,784] is named twice"},
      {__LINE__,
       [](Entry& entry) {
         reshape(entry.input("x", {B, 784}), {B, 5, -1});
       },
       "+2: [reshape] no size for -1 makes [B,5,-1] of f32[B,784]"},
      {__LINE__,
       [](Entry& entry) {
         slice(entry.input("x", {B, 784}), 1, 5, B);
       },
       "+2: [slice] 5 to B of f32[B,784]: the end must be beyond the begin, and both must be numbers or multiples of "
       "one symbol"},
      {__LINE__,
       [](Entry& entry) {
         mse(entry.input("x", {B, 784}), entry.input("t", {B, 1}));
       },
       "+2: [mse] prediction and target differ: f32[B,784] and f32[B,1]"},
      {__LINE__,
       [](Entry& entry) {
         BatchNorm("bn", 8)(entry.input("x", {B, 4, 7, 7}));
       },
       "+2: [bn] normalises [B,8] or [B,8,H,W], got f32[B,4,7,7]"},
      {__LINE__,
       [](Entry& entry) {
         one_hot(entry.input("labels", {B, 1}, DType::i32), 10);
       },
       "+2: labels must be i32[B], got i32[B,1]"},
      // At the operand that is wrong, where it is not the first.
      {__LINE__,
       [](Entry& entry) {
         const Operand labels = entry.input("labels", {B, 1}, DType::i32);
         softmax_cross_entropy(entry.input("logits", {B, 10}), labels);
       },
       "+2: labels must be i32[B], got i32[B,1]"},
      {__LINE__,
       [](Entry& entry) {
         const Operand temperature = 0.0;
         nt_xent(entry.input("views", {Dim("B", 2), 6}), temperature);
       },
       "+2: [nt_xent] the temperature must be above 0, got 0; with a small one, such as 0.1, the closest "
       "pairs dominate"},
      {__LINE__,
       [](Entry& entry) {
         const Operand temperature = -0.5;
         nt_xent(entry.input("first", {B, 6}), entry.input("second", {B, 6}), temperature);
       },
       "+2: [nt_xent] the temperature must be above 0, got -0.5; with a small one, such as 0.1, the closest "
       "pairs dominate"},
      {__LINE__, [](Entry&) { Dropout(1.5); },  //
       "+0: the rate of dropout must be at least 0 and less than 1, got 1.5"},
      {__LINE__, [](Entry&) { set_state("count", constant(1)); },  //
       "+0: entry \"entry\" has no state \"count\""},
  };
  for (const Case& each : cases) CHECK(entry_error(each.line, each.fill) == each.message);
}

TEST_CASE("an output size that a transposed convolution can't reach: the sizes that it can") {
  const auto up = [](Pair size) {
    return [=](Entry& entry) {
      const Tensor x = entry.input("x", {B, 8, 7, 7});
      conv_transpose2d(x, constant(1, {8, 1, 3, 3}), {.stride = 3, .padding = 1, .output_size = size});
    };
  };
  CHECK(entry_error(__LINE__ - 3, up(28)) ==
        "+0: [conv_transpose2d] output height 28 is out of reach from 7: kernel 3, stride 3, padding 1 and dilation 1 "
        "reach 19 (output_padding 0), 20 (output_padding 1), 21 (output_padding 2)");
  CHECK(entry_error(__LINE__ - 6, up({20, 18})) ==
        "+0: [conv_transpose2d] output width 18 is out of reach from 7: kernel 3, stride 3, padding 1 and dilation 1 "
        "reach 19 (output_padding 0), 20 (output_padding 1), 21 (output_padding 2)");
}

TEST_CASE("misuse of entries") {
  ir::Module module{"m", {}};
  const auto message = [](const std::function<void()>& action) {
    const std::string whole = error_of(action);
    CHECK(whole.find("frontend_test.cpp:") == 0);
    return whole.substr(std::min(whole.size(), whole.find(": ") + 2));
  };
  CHECK(message([] { random_normal({3}); }) ==
        "no entry is open: make one first, as in Entry entry(module, \"loss\", Mode::train)");
  std::vector<Tensor> kept;
  {
    Entry entry(module, "loss", kTrain);
    kept.push_back(entry.input("x", {B, 4}));
    CHECK(message([&] { entry.input("x", {B, 4}); }) == "entry \"loss\" has an input \"x\" already");
    entry.output("y", kept[0]);
    CHECK(message([&] { entry.output("y", kept[0]); }) == "entry \"loss\" has an output \"y\" already");
    CHECK(message([&] { Entry(module, "test", kEval); }) == "entry \"loss\" is still open: end its block first");
  }
  CHECK(message([&] { Entry(module, "loss", kEval); }) == "the model has an entry \"loss\" already");
  Entry entry(module, "test", kEval);
  CHECK(message([&] { kept[0] + 1; }) == "a tensor of entry \"loss\" is used after its end");
  CHECK(message([&] { entry.input("x", {B, 4}) + kept[0]; }) == "a tensor of entry \"loss\" is used after its end");
}
