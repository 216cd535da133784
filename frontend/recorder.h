// The graph under construction behind the DSL's handles: locations, scopes, shared inputs and random streams. Internal
// to the frontend; users see Entry (entry.h) and Tensor (tensor.h).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/entry.h"
#include "frontend/tensor.h"
#include "ir/builder.h"

namespace weft {

class Recorder : public std::enable_shared_from_this<Recorder> {
 public:
  Recorder(ir::Module& module, const std::string& name, Mode mode)
      : module_(&module), builder_(name), name_(name), mode_(mode) {}

  // The open entry of this thread. Throws Error if there is none.
  static std::shared_ptr<Recorder> current(const std::source_location& location);
  // The same, after checking that no operand belongs to a closed entry.
  static std::shared_ptr<Recorder> of(const std::vector<Operand>& operands);

  // Makes this the open entry. Throws Error if another is open.
  void open(const std::source_location& location);
  // Closes the entry: moves the graph to the module, with the new states as outputs that donate the old.
  void close();
  // Closes the entry and drops the graph.
  void abandon();

  Mode mode() const { return mode_; }
  ir::Type type(ir::ValueId value) const;
  void set_name(ir::ValueId value, const std::string& name);

  Tensor create(ir::OpCode code, const std::vector<Tensor>& operands, ir::Attrs attrs, std::optional<ir::Type> type,
                const std::source_location& location);
  Tensor constant(double value, ir::Type type, const std::source_location& location);
  // A random op on its own stream; its first use in an entry makes the entry's seed input.
  Tensor random(ir::OpCode code, const Dims& dims, const std::source_location& location);

  Tensor data_input(const std::string& name, ir::Type type, const std::source_location& location);
  // Finds the input by name in this entry or makes it; it must match the input of that name in the module's other
  // entries.
  Tensor shared_input(const std::string& name, ir::Type type, ir::Role role, const ir::Init& init,
                      const std::source_location& location);
  Tensor latest_state(const Tensor& input, const std::string& name) const;
  void set_state(const std::string& name, const Tensor& value, const std::source_location& location);
  void output(const std::string& name, const Tensor& value, const std::source_location& location);

  [[noreturn]] void fail(const std::source_location& location, const std::string& what) const;

 private:
  friend class Scope;
  friend class ModeScope;
  friend class Composite;

  ir::Location place(const std::source_location& location) const;
  // Throws Error unless the input `name` of `graph`, if any, equals this one.
  void check_agrees(const ir::Graph& graph, const std::string& name, const ir::Type& type, ir::Role role,
                    const ir::Init& init, const std::source_location& location) const;
  Tensor tensor(ir::ValueId value) { return Tensor(shared_from_this(), value); }

  ir::Module* module_;
  ir::Builder builder_;
  std::string name_;
  Mode mode_;
  bool closed_ = false;
  std::string scope_;
  std::optional<std::source_location> caller_;  // the user's line while a Composite is open
  std::int64_t next_stream_ = 0;
  std::map<std::string, ir::ValueId> states_;  // the new values
};

// A DSL function that makes several ops opens a Composite, so that they all get the location of its caller. A layer
// gives its name, which becomes the scope of its ops, with slashes for dots, whatever scope is open.
class Composite {
 public:
  explicit Composite(const Operand& first);
  Composite(const Operand& first, const std::string& layer);
  ~Composite();
  Composite(const Composite&) = delete;
  Composite& operator=(const Composite&) = delete;

 private:
  std::shared_ptr<Recorder> recorder_;
  std::string outer_scope_;
  std::optional<std::source_location> outer_caller_;
};

// "model.cpp:41": the file name without folders.
std::string to_string(const std::source_location& location);

// The operands as tensors of one graph; numbers become constants of the first tensor's dtype (f32 if all are numbers).
std::vector<Tensor> as_tensors(const std::vector<Operand>& operands);

// Adds an op over the operands at the first one's location.
Tensor make(ir::OpCode code, const std::vector<Operand>& operands, const ir::Attrs& attrs = {},
            const std::optional<ir::Type>& type = {});

}  // namespace weft
