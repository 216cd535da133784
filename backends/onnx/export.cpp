// From an entry to its ONNX model.
#include "backends/onnx/export.h"

#include "backends/onnx/emitter.h"
#include "backends/onnx/ops.h"
#include "ir/error.h"
#include "passes/pipeline.h"

namespace weft::onnx {

using ir::GraphPtr;

namespace {

void need_inference(const ir::Graph& entry) {
  for (const ir::Output& output : entry.outputs)
    if (output.donates != ir::kNone)
      fail(
          "entry @{} changes the model's state ({}): a training step has no ONNX form; export an entry for inference, "
          "such as encode",
          entry.name, output.name);
}

GraphPtr bound(const GraphPtr& entry, std::int64_t batch) {
  ir::Bindings bindings;
  for (const std::string& symbol : entry->symbols()) bindings[symbol] = batch;
  return std::make_shared<const ir::Graph>(ir::bind(*entry, bindings));
}

}  // namespace

GraphPtr prepared(const GraphPtr& entry, const ExportOptions& options) {
  // Gemm and the convolutions of ONNX take a bias, and no activation.
  passes::Context context;
  context.target.activations = {};
  context.target.epilogues = {ir::OpCode::matmul, ir::OpCode::conv2d, ir::OpCode::conv_transpose2d};
  return passes::run_passes(options.batch ? bound(entry, *options.batch) : entry, passes::export_pipeline(), context);
}

Model to_onnx(const GraphPtr& entry, const runtime::NamedTensors& weights, const ExportOptions& options) {
  need_inference(*entry);
  const GraphPtr graph = prepared(entry, options);
  Emitter emit(*graph, weights, options);
  for (const ir::Op& op : graph->ops) emit.add(op);
  emit.add_outputs();
  return emit.take();
}

}  // namespace weft::onnx
