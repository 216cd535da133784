// What the translation of ops (ops.h) writes to: nodes and initializers under unique names, and sizes of dims, which
// are numbers in the file where they are known and computed from the inputs' shapes where they are symbols.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "backends/onnx/export.h"
#include "backends/onnx/model.h"
#include "ir/graph.h"
#include "runtime/safetensors.h"

namespace weft::onnx {

class Emitter {
 public:
  // Takes inputs, and as initializers the weights that the graph uses. Throws Error where a weight is missing or of
  // another type.
  Emitter(const ir::Graph& graph, const runtime::NamedTensors& weights, const ExportOptions& options);

  const ir::Graph& graph() const { return graph_; }
  const ExportOptions& options() const { return options_; }
  const ir::Type& type(ir::ValueId value) const { return graph_.type(value); }
  const ir::Type& result_type(const ir::Op& op) const { return type(op.results.front()); }

  // What an input, or the result of an op that was added, is called.
  const std::string& operator[](ir::ValueId value) const;
  std::vector<std::string> operator[](const std::vector<ir::ValueId>& values) const;

  // Everything below gives the name of a value.
  std::string node(const std::string& op, std::vector<std::string> inputs, Attributes attributes = {});
  // A further input of the model.
  std::string input(const std::string& name, const ir::Type& type);

  // Initializers, each made once. `scalar` rounds to the dtype, a float one.
  std::string integers(const std::vector<std::int64_t>& values);
  std::string scalar(double value, ir::DType dtype);
  std::string numbers(const std::vector<double>& values, const ir::Type& type);

  // i64[rank]: the sizes of dims, of which some may be symbols, or factors of 0 and below.
  std::string shape(const ir::Dims& dims);
  // x, of dims `from`, broadcast to `to`; x itself where they are the same.
  std::string expand(const std::string& x, const ir::Dims& from, const ir::Dims& to);
  // Under other dims.
  std::string reshape(const std::string& x, const ir::Dims& from, const ir::Dims& to);

  // Translates the op (ops.h): its result gets its name in the graph.
  void add(const ir::Op& op);
  // After the last op: the outputs under their names.
  void add_outputs();
  Model take() { return std::move(model_); }

 private:
  void add_input(const ir::Input& input, const runtime::NamedTensors& weights);
  void reserve_output_names();
  std::string unique(const std::string& wanted);
  std::string initializer(const std::string& prefix, DataType type, std::vector<std::int64_t> dims, std::string raw);
  std::string dim(const ir::Dim& dim);  // i64[1]
  std::string symbol(const std::string& name);
  std::string result_name(const ir::Op& op);  // for the last node

  const ir::Graph& graph_;
  ExportOptions options_;
  Model model_;
  std::set<std::string> taken_;
  std::vector<std::string> names_;         // by value of the graph
  std::vector<std::string> output_names_;  // by output of the graph
  std::string scope_;                      // of the op that is being translated
  std::string doc_;
  std::map<std::pair<std::vector<std::int64_t>, std::string>, std::string> constants_;  // by dims and type, and bytes
  std::map<std::string, std::string> sizes_;  // "2*B" -> the value that holds it
};

}  // namespace weft::onnx
