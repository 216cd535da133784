// Entries run over any number of rows: inputs cut into the batches a program takes, outputs joined again.
#pragma once

#include <cstdint>
#include <string_view>

#include "ir/graph.h"
#include "runtime/program.h"
#include "runtime/safetensors.h"

namespace weft::training {

// The number of rows that the data inputs of a graph share. Throws Error where one is missing, of another shape or too
// many.
std::int64_t rows_of(const ir::Graph& graph, const runtime::NamedTensors& inputs);

// Writes the rows from `begin` on into the data inputs of a program of `graph`; those without a batch dim whole.
void write_rows(runtime::Program& program, const ir::Graph& graph, const runtime::NamedTensors& inputs,
                std::int64_t begin);

// The batched outputs of an entry for all rows, filled batch by batch. `graph` is not bound yet: it tells what grows
// with the batch.
class RowCollector {
 public:
  explicit RowCollector(std::int64_t rows) : rows_(rows) {}

  void take(const ir::Graph& graph, const runtime::Program& program, std::int64_t begin, std::int64_t rows);
  // Throws Error where the entry has no such output.
  runtime::NamedTensors finish(std::string_view entry);

 private:
  runtime::HostTensor& tensor_for(const runtime::Port& port, std::int64_t rows);
  void copy_rows(runtime::HostTensor& tensor, const runtime::Program& program, int port, std::int64_t begin,
                 std::int64_t rows) const;

  std::int64_t rows_;
  runtime::NamedTensors tensors_;
};

}  // namespace weft::training
