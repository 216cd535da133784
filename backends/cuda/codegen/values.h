// The text of a kernel's nodes at a position of its iteration space. Internal to the emitter.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "backends/cuda/codegen/text.h"
#include "ir/kernel/kernel.h"

namespace weft::cuda {

// Lines of source, indented.
class Source {
 public:
  void line(const std::string& text);  // empty: an empty line
  void open(const std::string& head);  // "head {"
  void close(const std::string& tail = "}");
  std::string define(const char* type, const std::string& value);  // a constant; gives its name
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
  int depth_ = 0;
  int defined_ = 0;
};

// The names of a kernel's buffers in its source; the parameters and the literals as text.
class Buffers {
 public:
  explicit Buffers(const kernel::Kernel& kernel);
  const std::string& name(std::uint32_t buffer) const { return names_[buffer]; }
  std::string parameters() const;  // with scratch
  std::string literals() const;    // definitions, before the functions

 private:
  const kernel::Kernel& kernel_;
  std::vector<std::string> names_;
};

// "int", or "long long" if an index or address may not fit
std::string index_type(const kernel::Kernel& kernel);

// A node's name in the source.
std::string variable(const kernel::Kernel& kernel, kernel::NodeId node);

// Writes each node at its first use, as a variable of the innermost scope.
class Values {
 public:
  Values(const kernel::Kernel& kernel, const Buffers& buffers, Source& source);

  // Scopes of the source: variables are forgotten at the end of their scope.
  void enter() { known_.emplace_back(); }
  void leave() { known_.pop_back(); }
  // The text of index `dim`; empty: 0. Valid until set again.
  void set_index(int dim, std::string text) { index_[std::size_t(dim)] = std::move(text); }
  void define(kernel::NodeId node, std::string name) { known_.back()[node] = std::move(name); }
  bool is_known(kernel::NodeId node) const { return find(node) != nullptr; }
  // Text to write for a final reduction that is not known.
  std::function<std::string(kernel::NodeId)> total;

  // The node's value: a name or a number.
  std::string get(kernel::NodeId node);
  // Writes every node behind `roots` that varies only along the dims of `available`.
  void hoist(const std::vector<kernel::NodeId>& roots, kernel::DimSet available);
  std::string address(const kernel::Map& map) const;
  std::string place(const kernel::Node& load);  // of the element to read, including computed indices
  void store(const kernel::Store& store, const std::string& value);
  // "i0 == 0 && i2 == 0": whether the dims of the set, except constant zeros, are at their first index; empty: always.
  std::string at_first(kernel::DimSet dims) const;

 private:
  const std::string* find(kernel::NodeId node) const;
  void hoist(kernel::NodeId node, kernel::DimSet available, std::vector<bool>& seen);
  Text evaluate(const kernel::Node& node);
  Text load(const kernel::Node& node);
  Text apply(const kernel::Node& node);

  const kernel::Kernel& kernel_;
  const Buffers& buffers_;
  Source& source_;
  std::vector<std::string> index_;
  std::vector<std::map<kernel::NodeId, std::string>> known_;
};

// Sets the dims (outermost first) that `item` counts: "const int i0 = item / 12, i1 = item % 12;". `step`: the
// increment of the last dim.
void write_indices(Source& source, Values& values, const kernel::Kernel& kernel, const std::vector<int>& dims,
                   const std::string& item, std::int64_t step = 1);

}  // namespace weft::cuda
