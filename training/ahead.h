// A model compiled ahead of time: its entries and its state as an artefact (backends/artefact).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "backends/artefact/artefact.h"
#include "backends/compile.h"
#include "ir/graph.h"
#include "passes/passes.h"
#include "runtime/safetensors.h"

namespace weft::training {

// The training step as an entry: one batch of pictures as bytes, and labels where the model has them, in; what steps
// measure out. State is updated in place.
inline constexpr const char* train_step_entry = "train_step";

struct AheadOptions {
  std::string name;                  // of the artefact
  std::vector<std::string> entries;  // by name; none: all that draw conclusions, which are those but for training
  std::vector<std::int64_t> batches = {1};
  std::string cpu = "native", triple = {};      // the machine: see find_target (backends/cpu/emit.h)
  bool standalone = false;                      // without oneDNN
  bool on_gpu = false;                          // by the backend cuda, in place of the cpu's
  Precision precision = Precision::f32;         // of its products and convolutions, see CompileOptions
  std::vector<std::string> architectures = {};  // GPUs that there is to be machine code for, "sm_90"
  bool winograd = true, contrastive = true;
  passes::OptimizerSpec optimizer = {};              // of the training step
  std::map<std::string, std::string> settings = {};  // of the model, for checkpoints that the artefact writes
};

// Weights to start from, read from a file.
struct Weights {
  runtime::TensorFile file;
  std::filesystem::path path;
};

struct Ahead {
  artefact::Artefact artefact;    // without weights
  std::vector<std::byte> memory;  // its regions, params before state, with the weights where there are any
  runtime::NamedTensors weights;  // params and statistics by name
};

// Throws Error for an entry or batch that the model can not be compiled for, and for weights of another model.
Ahead compile_ahead(const ir::Module& module, const std::optional<Weights>& weights, const AheadOptions& options);

}  // namespace weft::training
