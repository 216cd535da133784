// A graph as the steps of a program: what runs, and where each step finds its operands. An Executor of this process or
// an artefact runs it. Backends derive from it and say what runs an op.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "ir/integer.h"
#include "passes/layout/kept_layouts.h"
#include "passes/plan/plan.h"
#include "runtime/program/tables.h"

namespace weft {

class Schedule {
 public:
  virtual ~Schedule() = default;

  // Its ports and steps. The steps lack addresses until `place`.
  const weft_program& program() const { return program_; }
  const std::vector<weft_step>& steps() const { return steps_; }
  ir::OpId op(std::size_t step) const { return ops_[step]; }  // kNone if the step comes from no op
  // The step's op with its location in the user's model, its type and bytes, followed by `what`.
  std::string described(std::size_t step, const std::string& what) const;

  // Plans the memory of the steps, given their scratch, and sets their addresses.
  void place(const std::vector<std::size_t>& scratch_bytes);
  std::size_t arena_bytes() const { return program_.arena_bytes; }
  const passes::Plan& plan() const { return plan_; }
  // The largest user of memory, for the out-of-memory Error.
  std::string largest() const;

 protected:
  // `graph` has static dims and has been through fuse and copies. `alignment`, in bytes, is that of scratch and of
  // row-major copies.
  Schedule(const ir::Graph& graph, std::size_t alignment);
  Schedule(Schedule&&) = default;

  // Adds the steps of the whole graph: a backend's constructor calls it.
  void add_all();
  // The step that copies an input to row-major order: its operand is the input, its result the input's value.
  virtual void add_relayout(std::uint32_t input) = 0;
  virtual void add_op(ir::OpId id) = 0;

  // `values`: whose memory the step gets; the last begins at `last_offset`, in bytes.
  template <typename Table>
  void add_step(const Table& table, const std::string& name, std::vector<ir::ValueId> values, ir::OpId op,
                std::size_t last_offset = 0) {
    add_step(runtime::kind_of(table), tables_.keep(table), name, std::move(values), op, last_offset);
  }
  void add_step(weft_step_kind kind, const void* table, const std::string& name, std::vector<ir::ValueId> values,
                ir::OpId op, std::size_t last_offset);
  // The step of an op that has one.
  template <typename Table>
  void add_step(const Table& table, ir::OpId id) {
    add_step(table, name_of(graph_.ops[id]), values_of(graph_.ops[id]), id);
  }

  static std::string name_of(const ir::Op& op);
  static std::vector<ir::ValueId> values_of(const ir::Op& op);  // operands, then results
  // The tables of an op that a library runs.
  weft_matmul_step matmul(const ir::Op& op);
  weft_convolution_step convolution(const ir::Op& op);

  const ir::Graph& graph_;
  passes::Plan plan_;
  runtime::Tables tables_;

 private:
  void fill_gaps(ir::ValueId value);
  weft_address address(ir::ValueId value) const;
  std::size_t rounded(std::size_t bytes) const {
    return std::size_t(round_up(std::int64_t(bytes), std::int64_t(alignment_)));
  }
  std::string described(const ir::Op& op, const std::string& what) const;

  std::size_t alignment_;
  passes::KeptLayouts kept_;
  std::vector<weft_step> steps_;
  weft_program program_{};
  std::vector<ir::OpId> ops_;                       // by step
  std::vector<std::vector<ir::ValueId>> values_;    // by step
  std::vector<std::size_t> last_offsets_;           // by step
  std::vector<bool> filled_;                        // by value
  std::map<std::uint32_t, std::size_t> relayouts_;  // by input: where its row-major copy lies
};

// The table of a convolution whose weights, an operand or, for conv2d_weight_grad, the result, lie in this layout
// (ir/memory_layout.h).
weft_convolution_step convolution_table(const ir::Graph& graph, const ir::Op& op, const char* weights_layout);

}  // namespace weft
