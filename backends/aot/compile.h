// Compiles entries of a model and its state ahead of time into an artefact.
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
  std::vector<std::string> entries;  // by name; empty: all except those for training
  std::vector<std::int64_t> batches = {1};
  std::string cpu = "native", triple = {};  // the machine: see find_target (backends/cpu/codegen/emit.h)
  bool standalone = false;                  // without oneDNN: all contractions are generated
  Contractions contractions = Contractions::automatic;
  bool on_gpu = false;                          // with the backend cuda instead of cpu
  Precision precision = Precision::f32;         // of matmuls and convolutions, see CompileOptions
  std::vector<std::string> architectures = {};  // GPU architectures to compile machine code for, "sm_90"
  bool winograd = true, contrastive = true;
  passes::OptimizerSpec optimizer = {};              // of the training step
  std::map<std::string, std::string> settings = {};  // of the model, for checkpoints that the artefact writes
};

// Initial weights, read from a file.
struct Weights {
  runtime::TensorFile file;
  std::filesystem::path path;
};

// An entry as a graph for any batch, after the passes that precede binding: forward_pipeline, or the pipeline of a
// training step.
struct EntryGraph {
  std::string name;
  ir::GraphPtr graph;
  bool trains = false;
};

struct Compiled {
  Artefact artefact;              // without weights
  std::vector<std::byte> memory;  // its regions, params before state, with the weights if there are any
  runtime::NamedTensors weights;  // params and statistics by name
};

// Compiles `entries`, the training step first; `module` provides the model's name and every tensor it keeps. Throws
// Error for a batch that an entry cannot be compiled for, and for weights of another model.
Compiled compile(const ir::Module& module, const std::vector<EntryGraph>& entries,
                 const std::optional<Weights>& weights, const Options& options);

}  // namespace weft::aot
