// Inference entries as ONNX files, for onnxruntime and the tools around it. docs/use/export.md says what a user sees.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "backends/onnx/model.h"
#include "ir/graph.h"
#include "runtime/safetensors.h"

namespace weft::onnx {

// ONNX has random numbers, but not Weft's, which depend on seed and step alone. What becomes of an op that draws some:
enum class Random : std::uint8_t {
  refuse,  // an Error that names the op
  draw,    // the runtime draws its own
  input,   // they are a further input, uniform.N or normal.N, N being the op's stream
};

struct ExportOptions {
  std::optional<std::int64_t> batch = {};  // for every symbol of a dim; without it, dims stay symbols
  Random random = Random::refuse;
  std::string version = {};  // of Weft, to be told in the file
};

// The entry as it is exported: no contrastive tiles, constants folded, biases inside products and convolutions.
ir::GraphPtr prepared(const ir::GraphPtr& entry, const ExportOptions& options);

// The entry as a model, for `serialize`: its data inputs are the inputs, params and states initializers under their
// names, hyper inputs initializers of their defaults. Throws Error where the entry is a training step or has an op
// without an ONNX form (with its place and what to do), or where a weight is missing or of another type.
Model to_onnx(const ir::GraphPtr& entry, const runtime::NamedTensors& weights, const ExportOptions& options);

}  // namespace weft::onnx
