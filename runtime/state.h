// What a model remembers from step to step: its params, running statistics and the optimizer's moments, in the memory
// that every program of the model shares.
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
  // One that is kept.
  struct Tensor {
    std::string name;
    ir::Role role;
    ir::Type type;
    ir::Init init;
    bool of_optimizer = false;
    std::size_t region = 0;  // memory of its own, or that of a flat input, which many tensors share
    std::size_t byte_offset = 0;
    std::string layout = {};
  };

  explicit State(std::shared_ptr<Memory> space = host_memory()) : space_(std::move(space)) {}

  // Adds those param and state inputs of `graph` that are not there yet, zeroed; each slot of a flat input as a tensor
  // of its own. Flat state is the optimizer's. Throws Error where two graphs disagree on the type of a tensor.
  void add(const ir::Graph& graph);

  // Starts every tensor as its ir::Init says, a function of the seed and the tensor's name. Random ones are Philox
  // numbers: key = seed, stream = "init" (no graph uses as many streams), step = a 64-bit hash of the name.
  void init(std::uint64_t seed);

  // Makes each param and state input of the program use its memory here, which stays where it is.
  void bind(Program& program);

  // Where no program has settled it yet, the layout in memory of each tensor (ir/memory_layout.h) becomes what the
  // one with these inputs chose; its values stay. Whether any changed: programs made before would read them wrong.
  bool settle_layouts(const std::vector<Port>& inputs);
  bool has_settled_layouts() const { return settled_; }
  std::map<std::string, std::string> layouts() const;  // of the params that are not row-major, by name

  // Every tensor under its name, row-major. The metadata `optimizer` says which are the optimizer's, by what their
  // names begin with.
  TensorFile save() const;

  // weights: params and statistics; the optimizer's tensors, here and in the file, are left alone.
  enum class Part { weights, all };
  enum class Values : std::uint8_t { finite, any };
  // Takes tensors over from a file read from `path`. Throws Error with the first tensor that is missing, of another
  // type, too many, or holds NaN or infinity (unless any values are taken), and what to do; nothing has been taken
  // then.
  void load(const TensorFile& file, const std::filesystem::path& path, Part part, Values values = Values::finite);

  // Takes over from another model's tensors each param and statistic that this has too, of the same name and type.
  void take(const TensorFile& file);

  // Takes over the weights alone whose names begin with `prefix`; the file may hold more of them, whose names it gives
  // back. Throws Error where the file lacks one of them, or has one of another type or with NaN or infinity (unless any
  // values are taken), or where there are none here; nothing has been taken then.
  std::vector<std::string> load_part(const TensorFile& file, const std::filesystem::path& path,
                                     const std::string& prefix, Values values = Values::finite);

  const std::vector<Tensor>& tensors() const { return tensors_; }
  const std::map<std::string, std::size_t>& flat_inputs() const { return flat_; }  // their regions, by name
  std::size_t regions() const { return regions_.size(); }
  std::vector<std::byte> region(std::size_t index) const;  // a copy of its bytes

  std::int64_t parameters() const;       // how many numbers are trained
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

  std::shared_ptr<Memory> space_;               // where programs want it
  bool settled_ = false;                        // the layouts
  std::vector<Region> regions_;                 // one an input; a flat one holds many tensors
  std::map<std::string, std::size_t> flat_;     // name of a flat input -> region
  std::vector<Tensor> tensors_;                 // in the order they were added
  std::map<std::string, std::size_t> by_name_;  // -> index in tensors_
};

}  // namespace weft::runtime
