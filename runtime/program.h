// A compiled graph, ready to run: named ports bound to memory, and `run`. What makes one is backends/compile.h, or an
// artefact.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ir/graph.h"
#include "runtime/busy.h"
#include "runtime/memory.h"

namespace weft::runtime {

struct Port {
  std::string name;
  ir::Type type;                   // static
  ir::Role role = ir::Role::data;  // of an input
  ir::Init init;
  std::vector<ir::Slot> slots;
  std::string layout = {};  // how the memory of an input lies (ir/memory_layout.h); of a flat one each slot says it
  int donates = -1;         // of an output: the input whose memory it is
};

// The inputs of a graph as ports.
std::vector<Port> input_ports(const ir::Graph& graph);

// One entry of a profile: an item of the program's flat list.
struct ItemProfile {
  std::string name;  // "matmul encoder/fc1", "kernel_3 ..."
  std::string kind;  // "matmul", "kernel", "reference", ...
  ir::Location location;
  double seconds = 0;  // median over the profiled runs
  double flops = 0;
  double bytes = 0;
};

struct MemoryUse {
  std::size_t arena_bytes = 0;
  std::size_t naive_bytes = 0;        // every value in memory of its own
  std::size_t lower_bound_bytes = 0;  // largest set alive at once
};

// One thread at a time: bind_input, write_input, read_output, run and profile throw Error while another thread is
// inside one of them. `run` allocates nothing, takes no lock and makes no primitive.
class Program {
 public:
  virtual ~Program() = default;

  const std::vector<Port>& inputs() const { return inputs_; }
  const std::vector<Port>& outputs() const { return outputs_; }
  int find_input(std::string_view name) const;  // index, or Error that lists the names
  int find_output(std::string_view name) const;

  // The memory of a port, in `space`, 64-byte aligned, owned by the program unless bound. Size type.bytes(), row-major
  // unless a layout says otherwise.
  virtual void* input(int index) { return input_memory_[std::size_t(index)]; }
  const void* output(int index) const { return output_memory_[std::size_t(index)]; }
  // Uses the caller's memory, in `space`, for an input from the next run on (and for the output that donates it).
  void bind_input(int index, void* memory);
  // A whole port from and to memory of the host, wherever the program's own lies. Reading waits for the last run.
  void write_input(int index, const void* from_host);
  void read_output(int index, void* to_host) const;
  const std::shared_ptr<Memory>& space() const { return space_; }

  void run();  // may return before the work is done, where `space` is a device's

  virtual MemoryUse memory() const = 0;
  std::vector<ItemProfile> profile(int runs);  // runs the program `runs` times; empty where not supported

 protected:
  explicit Program(std::shared_ptr<Memory> space = host_memory()) : space_(std::move(space)) {}
  // What the functions of these names do, while no other thread is inside.
  virtual void do_bind_input(int index, void* memory) = 0;
  virtual void do_run() = 0;
  virtual std::vector<ItemProfile> do_profile(int runs) = 0;

  // Those of the graph's inputs and outputs.
  void add_ports(const ir::Graph& graph);

  std::shared_ptr<Memory> space_;
  std::vector<Port> inputs_, outputs_;
  std::vector<void*> input_memory_, output_memory_;

 private:
  mutable BusyFlag busy_;
};

}  // namespace weft::runtime
