// Runs an entry over any number of rows: splits the inputs into batches and joins the outputs.
#pragma once

#include <cstdint>
#include <string_view>

#include "ir/graph.h"
#include "runtime/program.h"
#include "runtime/safetensors.h"

namespace weft::training {

// The number of rows that all data inputs of a graph share. Throws Error if an input is missing, unknown or has another
// shape.
std::int64_t rows_of(const ir::Graph& graph, const runtime::NamedTensors& inputs);

// Copies the rows from `begin` into the data inputs of a program of `graph`, and whole inputs that have no batch dim.
void write_rows(runtime::Program& program, const ir::Graph& graph, const runtime::NamedTensors& inputs,
                std::int64_t begin);

// Collects the batched outputs of an entry, batch by batch. `graph` is unbound: its symbols tell which outputs grow
// with the batch.
class RowCollector {
 public:
  explicit RowCollector(std::int64_t rows) : rows_(rows) {}

  void take(const ir::Graph& graph, const runtime::Program& program, std::int64_t begin, std::int64_t rows);
  // Throws Error if the entry has no batched output.
  runtime::NamedTensors finish(std::string_view entry);

 private:
  runtime::HostTensor& tensor_for(const runtime::Port& port, std::int64_t rows);
  void copy_rows(runtime::HostTensor& tensor, const runtime::Program& program, int port, std::int64_t begin,
                 std::int64_t rows) const;

  std::int64_t rows_;
  runtime::NamedTensors tensors_;
};

}  // namespace weft::training
