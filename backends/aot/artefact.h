// The output of `weft compile`: entries of a model at their batches, compiled ahead of time, with the tensors they
// keep. The files of this folder turn an artefact into C tables, a header, a manifest and libraries.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "backends/aot/cpu_program.h"
#include "backends/aot/cuda_program.h"
#include "ir/graph.h"

namespace weft::aot {

// A tensor kept between calls, in one of the two regions `params` and `state`.
struct Tensor {
  std::string name;
  ir::Type type;
  ir::Role role = ir::Role::param;
  bool of_optimizer = false;
  std::size_t offset = 0;   // bytes into its region
  std::string layout = {};  // ir/memory_layout.h
  ir::Init init = {};
};

// One entry at one batch.
struct Program {
  std::int64_t batch = 0;
  std::variant<CpuProgram, CudaProgram> compiled;

  bool is_on_gpu() const { return std::holds_alternative<CudaProgram>(compiled); }
  const ir::Graph& graph() const;
  const Schedule& schedule() const;
  std::size_t codes() const;  // architectures with machine code
};

struct Entry {
  std::string name;
  bool trains = false;  // the training step
  ir::GraphPtr graph;   // for any batch
  std::vector<Program> programs;
};

struct Artefact {
  std::string name;                        // the prefix of its C functions: an identifier
  std::string model;                       // name of the module
  std::string settings;                    // of the model, as metadata of checkpoints; "" if unknown
  std::string optimizer;                   // prefixes of the optimizer's tensor names, "adam.m,adam.v"
  std::string cpu;                         // compiled for this cpu
  std::vector<std::string> features;       // features that the cpu must have
  std::vector<std::string> architectures;  // GPU architectures with machine code
  std::vector<Entry> entries;
  std::vector<Tensor> tensors;
  std::map<std::string, std::size_t> offsets;  // of each param and state input of a program, including flat ones
  std::size_t params_bytes = 0, state_bytes = 0;
  std::vector<std::pair<std::string, float>> hypers;
  std::vector<std::byte> weights;  // both regions as in memory, if embedded; else empty
  std::string weights_file = {};   // beside the artefact, if not embedded

  std::size_t scratch_bytes() const;  // the largest arena
};

bool is_identifier(const std::string& text);
// Replaces the characters of a name that an identifier cannot have.
std::string identifier(const std::string& text);

// The inputs that the caller of an entry gives, and the outputs it gets, in order: indices into the graph's.
std::vector<std::uint32_t> data_inputs(const ir::Graph& graph);
std::vector<std::uint32_t> data_outputs(const ir::Graph& graph);

// The text of NAME.json without file sizes, and the hash of everything a caller compiles against.
std::string manifest_text(const Artefact& artefact);
std::uint64_t interface_hash(const Artefact& artefact);
// NAME.h.
std::string header_text(const Artefact& artefact);
// The C tables (runtime/artefact/tables.h), the last of them `the_artefact`. Embedded data is in files of `folder`:
// `weights`, and the machine code of program N for sm_90 in program_prefix(N) + "sm_90".
std::string tables_text(const Artefact& artefact, const std::string& folder);
std::string program_prefix(const Artefact& artefact, int number);

}  // namespace weft::aot
