// Replaces the data inputs of a graph by gathers from a data set.
#include "training/feed.h"

#include "ir/error.h"
#include "passes/rewriter.h"

namespace weft::training {

namespace {

using ir::Dim;
using ir::DType;
using ir::Graph;
using ir::OpCode;
using ir::Type;
using passes::Expr;

void check_samples(const Graph& graph, const Type& type) {
  if (type.dtype != DType::f32 || type.rank() < 2)
    fail("entry @{}: {} is {}, but samples are f32[B,..]", graph.name, kSamplesInput, to_string(type));
}

void check_labels(const Graph& graph, const Type& type, const Dim& batch) {
  if (type != ir::i32({batch}))
    fail("entry @{}: {} is {}, but labels are {}", graph.name, kLabelsInput, to_string(type),
         to_string(ir::i32({batch})));
}

// The rows of the batch, for each input that the data set feeds.
class Rows {
 public:
  Rows(passes::Rewriter& rewriter, const Dim& batch, Feeding feeding) : builder_(rewriter.builder()) {
    if (feeding == Feeding::table) indices_ = {&builder_, builder_.input(std::string(kIndicesInput), ir::i32({batch}))};
  }
  // `row` is the type of the batch. The table has the same type, with one row per sample of the data set.
  Expr of(std::string_view table, std::string_view batch, Type row) {
    if (!indices_.builder) return {&builder_, builder_.input(std::string(batch), row)};
    row.dims.front() = Dim(std::string(kSizeSymbol));
    return passes::apply(OpCode::gather, {{&builder_, builder_.input(std::string(table), row)}, indices_});
  }

 private:
  ir::Builder& builder_;
  Expr indices_{};
};

}  // namespace

ir::GraphPtr feed(const ir::GraphPtr& graph, DType samples, Feeding feeding) {
  check(samples == DType::u8 || samples == DType::f32, "a data set holds u8 images or f32 rows");
  const std::uint32_t x = graph->find_input(kSamplesInput);
  if (x == ir::kNone) fail("entry @{} has no input {}: a data set cannot feed it", graph->name, kSamplesInput);
  const Type type = graph->type(graph->inputs[x].value);
  check_samples(*graph, type);
  const Dim batch = type.dims.front();

  passes::Rewriter rewriter(graph);
  Rows batches(rewriter, batch, feeding);
  for (std::uint32_t i = 0; i < graph->inputs.size(); ++i) {
    const ir::Input& input = graph->inputs[i];
    const std::string& name = graph->input_name(i);
    if (input.role != ir::Role::data) {
      rewriter.copy_input(i);
    } else if (i == x) {
      const Expr rows = batches.of(kImagesInput, kImagesInput, {samples, type.dims});
      rewriter.map(input.value, samples == DType::u8 ? cast(rows, DType::f32) * (1.0 / 255) : rows);
    } else if (name == kLabelsInput) {
      check_labels(*graph, graph->type(input.value), batch);
      rewriter.map(input.value, batches.of(kAllLabelsInput, kLabelsInput, ir::i32({batch})));
    } else {
      fail("entry @{} takes {} {}, which a data set cannot give; it gives {} and {}", graph->name, name,
           to_string(graph->type(input.value)), kSamplesInput, kLabelsInput);
    }
  }
  for (const ir::Op& op : graph->ops) rewriter.copy(op);
  rewriter.copy_outputs();
  return rewriter.finish();
}

}  // namespace weft::training
