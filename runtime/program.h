// A compiled graph, ready to run: named ports bound to memory, and `run`. Made by backends/compile.h or from an
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
  std::string layout = {};  // memory layout of an input (ir/memory_layout.h); in a flat input each slot has its own
  int donates = -1;         // for an output: the input whose memory it takes over
};

// The inputs of a graph as ports.
std::vector<Port> input_ports(const ir::Graph& graph);

// One entry of a profile: a step of the program.
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
  std::size_t naive_bytes = 0;        // with separate memory for every value
  std::size_t lower_bound_bytes = 0;  // the largest set of values alive at once
};

// For one thread at a time: bind_input, write_input, read_output, run and profile throw Error while another thread is
// inside one of them. `run` allocates nothing, takes no lock and creates no oneDNN primitive.
class Program {
 public:
  virtual ~Program() = default;

  const std::vector<Port>& inputs() const { return inputs_; }
  const std::vector<Port>& outputs() const { return outputs_; }
  int find_input(std::string_view name) const;  // throws Error that lists the names
  int find_output(std::string_view name) const;

  // The memory of a port, in `space`, 64-byte aligned, owned by the program unless bound. It has type.bytes() bytes,
  // row-major unless a layout says otherwise.
  virtual void* input(int index) { return input_memory_[std::size_t(index)]; }
  const void* output(int index) const { return output_memory_[std::size_t(index)]; }
  // Binds the caller's memory, in `space`, to an input from the next run on (and to the output that donates it).
  void bind_input(int index, void* memory);
  // Copies a whole port from and to host memory, wherever the program's memory lies. Reading waits for the last run.
  void write_input(int index, const void* from_host);
  void read_output(int index, void* to_host) const;
  const std::shared_ptr<Memory>& space() const { return space_; }

  void run();  // may return before a device finishes

  virtual MemoryUse memory() const = 0;
  std::vector<ItemProfile> profile(int runs);  // runs the program `runs` times; empty if not supported

 protected:
  explicit Program(std::shared_ptr<Memory> space = host_memory()) : space_(std::move(space)) {}
  // Implement the functions of these names; no other thread is inside.
  virtual void do_bind_input(int index, void* memory) = 0;
  virtual void do_run() = 0;
  virtual std::vector<ItemProfile> do_profile(int runs) = 0;

  // The ports of the graph's inputs and outputs.
  void add_ports(const ir::Graph& graph);

  std::shared_ptr<Memory> space_;
  std::vector<Port> inputs_, outputs_;
  std::vector<void*> input_memory_, output_memory_;

 private:
  mutable BusyFlag busy_;
};

}  // namespace weft::runtime
