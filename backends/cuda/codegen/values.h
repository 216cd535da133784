// The text of a kernel's nodes at a place of its iteration space. Internal to the emitter.
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
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
  int depth_ = 0;
};

// Names of a kernel's buffers in its source; the parameters and the literals as text.
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

// "int", or "long long" where an index or address may not fit.
std::string index_type(const kernel::Kernel& kernel);

// A node's name in the source.
std::string variable(const kernel::Kernel& kernel, kernel::NodeId node);

// Writes each node where it is first asked for, as a variable of the innermost scope.
class Values {
 public:
  Values(const kernel::Kernel& kernel, const Buffers& buffers, Source& source);

  // Scopes of the source: what is known in one is forgotten when it is left.
  void enter() { known_.emplace_back(); }
  void leave() { known_.pop_back(); }
  // Where dim `dim` is; empty: 0. Good until set again.
  void set_index(int dim, std::string text) { index_[std::size_t(dim)] = std::move(text); }
  void define(kernel::NodeId node, std::string name) { known_.back()[node] = std::move(name); }
  bool is_known(kernel::NodeId node) const { return find(node) != nullptr; }
  // What to write for a final reduction that is not known.
  std::function<std::string(kernel::NodeId)> total;

  // The node's value: a name or a number.
  std::string get(kernel::NodeId node);
  // Writes, of what `roots` depend on, all that differs along none but the dims of `available`.
  void hoist(const std::vector<kernel::NodeId>& roots, kernel::DimSet available);
  std::string address(const kernel::Map& map) const;
  std::string place(const kernel::Node& load);  // of the element that it reads, computed indices included
  void store(const kernel::Store& store, const std::string& value);
  // "i0 == 0 && i2 == 0": whether the dims of the set that are no constant 0 are at their first index; empty: always.
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

// "const int i0 = item / 12, i1 = item % 12;" for the dims (outermost first) of what `item` counts, and sets them.
// `step`: the last dim advances by so many.
void write_indices(Source& source, Values& values, const kernel::Kernel& kernel, const std::vector<int>& dims,
                   const std::string& item, std::int64_t step = 1);

}  // namespace weft::cuda
