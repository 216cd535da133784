// What a model remembers from step to step: its params, running statistics and the optimizer's moments, in the memory
// that every program of the model shares.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "runtime/host_tensor.h"
#include "runtime/program.h"
#include "runtime/safetensors.h"

namespace weft::training {

class State {
 public:
  // Adds those param and state inputs of `graph` that are not there yet, zeroed; each slot of a flat input as a tensor
  // of its own. Flat state is the optimizer's. Throws Error where two graphs disagree on the type of a tensor.
  void add(const ir::Graph& graph);

  // Starts every tensor as its ir::Init says, a function of the seed and the tensor's name. Random ones are Philox
  // numbers: key = seed, stream = "init" (no graph uses as many streams), step = a 64-bit hash of the name.
  void init(std::uint64_t seed);

  // Makes each param and state input of the program use its memory here, which stays where it is.
  void bind(runtime::Program& program);

  // Every tensor under its name. The metadata `optimizer` says which are the optimizer's, by what their names begin
  // with.
  runtime::TensorFile save() const;

  // weights: params and statistics; the optimizer's tensors, here and in the file, are left alone.
  enum class Part { weights, all };
  // Takes tensors over from a file read from `path`. Throws Error with the first tensor that is missing, of another
  // type, or too many, and what to do; nothing has been taken then.
  void load(const runtime::TensorFile& file, const std::filesystem::path& path, Part part);

  std::int64_t parameters() const;       // how many numbers are trained
  std::string first_not_finite() const;  // the first tensor that holds NaN or infinity, or ""

 private:
  struct Tensor {
    std::string name;
    ir::Role role;
    ir::Type type;
    ir::Init init;
    bool of_optimizer = false;
    std::size_t region = 0;
    std::size_t byte_offset = 0;
  };

  std::size_t add_region(const ir::Type& type);
  void add_flat(const ir::Graph& graph, const ir::Input& input);
  void add_tensor(Tensor tensor);
  const std::byte* memory(const Tensor& tensor) const {
    return regions_[tensor.region].bytes.data() + tensor.byte_offset;
  }
  std::byte* memory(const Tensor& tensor) { return regions_[tensor.region].bytes.data() + tensor.byte_offset; }

  std::vector<runtime::HostTensor> regions_;    // one an input; a flat one holds many tensors
  std::map<std::string, std::size_t> flat_;     // name of a flat input -> region
  std::vector<Tensor> tensors_;                 // in the order they were added
  std::map<std::string, std::size_t> by_name_;  // -> index in tensors_
};

}  // namespace weft::training
