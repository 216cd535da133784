// Entries of a model and its state, compiled ahead of time into an artefact.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "backends/aot/artefact.h"
#include "backends/compile.h"
#include "ir/graph.h"
#include "passes/update.h"
#include "runtime/safetensors.h"

namespace weft::aot {

struct Options {
  std::string name;                  // of the artefact
  std::vector<std::string> entries;  // by name; none: all but those for training
  std::vector<std::int64_t> batches = {1};
  std::string cpu = "native", triple = {};      // the machine: see find_target (backends/cpu/codegen/emit.h)
  bool standalone = false;                      // without oneDNN
  bool on_gpu = false;                          // by the backend cuda, in place of the cpu's
  Precision precision = Precision::f32;         // of matmuls and convolutions, see CompileOptions
  std::vector<std::string> architectures = {};  // GPUs to have machine code for, "sm_90"
  bool winograd = true, contrastive = true;
  passes::OptimizerSpec optimizer = {};              // of the training step
  std::map<std::string, std::string> settings = {};  // of the model, for checkpoints that the artefact writes
};

// Weights to start from, read from a file.
struct Weights {
  runtime::TensorFile file;
  std::filesystem::path path;
};

// An entry as a graph for any batch, through the passes that come before binding: forward_pipeline, or those that make
// a training step.
struct EntryGraph {
  std::string name;
  ir::GraphPtr graph;
  bool trains = false;
};

struct Compiled {
  Artefact artefact;              // without weights
  std::vector<std::byte> memory;  // its regions, params before state, with the weights where there are any
  runtime::NamedTensors weights;  // params and statistics by name
};

// `entries` are those to compile, the training step first; `module` names the model and every tensor it keeps. Throws
// Error for a batch that an entry cannot be compiled for, and for weights of another model.
Compiled compile(const ir::Module& module, const std::vector<EntryGraph>& entries,
                 const std::optional<Weights>& weights, const Options& options);

}  // namespace weft::aot
