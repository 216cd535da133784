// What a model keeps between steps: params, running statistics and optimizer moments, in memory that all programs of
// the model share.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ir/graph.h"
#include "runtime/host_tensor.h"
#include "runtime/memory.h"
#include "runtime/program.h"
#include "runtime/safetensors.h"

namespace weft::runtime {

class State {
 public:
  // A kept tensor.
  struct Tensor {
    std::string name;
    ir::Role role;
    ir::Type type;
    ir::Init init;
    bool of_optimizer = false;
    std::size_t region = 0;  // separate memory, or that of a flat input, which many tensors share
    std::size_t byte_offset = 0;
    std::string layout = {};
  };

  explicit State(std::shared_ptr<Memory> space = host_memory()) : space_(std::move(space)) {}

  // Adds the param and state inputs of `graph` that are missing, zeroed; each slot of a flat input becomes a tensor.
  // Flat state belongs to the optimizer. Throws Error if two graphs disagree on the type of a tensor.
  void add(const ir::Graph& graph);

  // Initialises every tensor by its ir::Init, as a function of the seed and the tensor's name. Random values are Philox
  // numbers: key = seed, stream = "init" (no graph uses as many streams), step = a 64-bit hash of the name.
  void init(std::uint64_t seed);

  // Makes each param and state input of the program use this memory, which stays in place.
  void bind(Program& program);

  // Adopts the memory layouts (ir/memory_layout.h) that the program with these inputs chose, unless an earlier program
  // has settled them; values stay. Returns whether any layout changed: existing programs would then read wrong values.
  bool settle_layouts(const std::vector<Port>& inputs);
  bool has_settled_layouts() const { return settled_; }
  std::map<std::string, std::string> layouts() const;  // of the params that are not row-major, by name

  // Every tensor by name, row-major. The metadata `optimizer` lists the name prefixes of the optimizer's tensors.
  TensorFile save() const;

  // weights: params and statistics; leaves the optimizer's tensors alone, here and in the file.
  enum class Part { weights, all };
  enum class Values : std::uint8_t { finite, any };
  // Loads tensors from a file that was read from `path`. Throws Error with the first tensor that is missing, of another
  // type, unknown, or holds NaN or infinity (unless any values are allowed), and what to do; nothing is loaded then.
  void load(const TensorFile& file, const std::filesystem::path& path, Part part, Values values = Values::finite);

  // Copies from another model's tensors each param and statistic that exists here with the same name and type.
  void take(const TensorFile& file);

  // Loads only the weights whose names begin with `prefix` and returns the other names in the file with that prefix.
  // Throws Error if the file lacks such a weight or has it with another type or with NaN or infinity (unless any values
  // are allowed), or if there are none here; nothing is loaded then.
  std::vector<std::string> load_part(const TensorFile& file, const std::filesystem::path& path,
                                     const std::string& prefix, Values values = Values::finite);

  const std::vector<Tensor>& tensors() const { return tensors_; }
  const std::map<std::string, std::size_t>& flat_inputs() const { return flat_; }  // their regions, by name
  std::size_t regions() const { return regions_.size(); }
  std::vector<std::byte> region(std::size_t index) const;  // a copy of its bytes

  std::int64_t parameters() const;       // number of trained values
  std::string first_not_finite() const;  // the first tensor that holds NaN or infinity, or ""

 private:
  std::size_t add_region(const ir::Type& type);
  void add_flat(const ir::Graph& graph, const ir::Input& input);
  void add_tensor(Tensor tensor);
  struct Region {
    std::shared_ptr<void> memory;
    std::size_t bytes = 0;
  };

  void write(const Tensor& tensor, const HostTensor& value);
  HostTensor read(const Tensor& tensor) const;
  std::byte* memory(const Tensor& tensor) const {  // in `space_`
    return static_cast<std::byte*>(regions_[tensor.region].memory.get()) + tensor.byte_offset;
  }

  std::shared_ptr<Memory> space_;               // where programs expect the memory
  bool settled_ = false;                        // whether the layouts are final
  std::vector<Region> regions_;                 // one per input; a flat input holds many tensors
  std::map<std::string, std::size_t> flat_;     // name of a flat input -> region
  std::vector<Tensor> tensors_;                 // in order of addition
  std::map<std::string, std::size_t> by_name_;  // -> index in tensors_
};

}  // namespace weft::runtime
