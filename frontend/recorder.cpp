// Records ops, inputs and states with their places and scopes.
#include "frontend/recorder.h"

#include <algorithm>

#include "ir/error.h"

namespace weft {

namespace {

thread_local std::shared_ptr<Recorder> open_recorder;

std::string_view file_name(const std::source_location& location) {
  const std::string_view path = location.file_name();
  const std::size_t slash = path.find_last_of("/\\");
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

}  // namespace

std::string to_string(const std::source_location& location) {
  return fmt::format("{}:{}", file_name(location), location.line());
}

// Which graph

std::shared_ptr<Recorder> Recorder::current(const std::source_location& location) {
  if (!open_recorder)
    weft::fail("{}: no entry is open: make one first, as in Entry entry(module, \"loss\", Mode::train)",
               to_string(location));
  return open_recorder;
}

void Recorder::open(const std::source_location& location) {
  if (open_recorder)
    open_recorder->fail(location, fmt::format("entry \"{}\" is still open: end its block first", open_recorder->name_));
  open_recorder = shared_from_this();
}

std::shared_ptr<Recorder> Recorder::of(const std::vector<Operand>& operands) {
  for (const Operand& operand : operands) {
    if (!operand.tensor()) continue;
    const std::shared_ptr<Recorder>& recorder = operand.tensor()->recorder();
    if (recorder->closed_)
      recorder->fail(operand.location(),
                     fmt::format("a tensor of entry \"{}\" is used after its end", recorder->name_));
  }
  return current(operands.front().location());
}

// Locations

ir::Location Recorder::place(const std::source_location& location) const {
  const std::source_location& users = caller_ ? *caller_ : location;
  return {scope_, std::string(file_name(users)), int(users.line())};
}

void Recorder::fail(const std::source_location& location, const std::string& what) const {
  throw Error(fmt::format("{}: {}", weft::to_string(caller_ ? *caller_ : location), what));
}

// Values

ir::Type Recorder::type(ir::ValueId value) const {
  if (closed_) weft::fail("a tensor of entry \"{}\" is used after its end", name_);
  return builder_.type(value);
}

void Recorder::set_name(ir::ValueId value, const std::string& name) {
  if (!closed_) builder_.set_name(value, name);
}

Tensor Recorder::create(ir::OpCode code, const std::vector<Tensor>& operands, ir::Attrs attrs,
                        std::optional<ir::Type> type, const std::source_location& location) {
  std::vector<ir::ValueId> values;
  for (const Tensor& operand : operands) values.push_back(operand.value());
  builder_.set_where(place(location));
  return tensor(builder_.create(code, std::move(values), std::move(attrs), std::move(type)));
}

Tensor Recorder::constant(double value, ir::Type type, const std::source_location& location) {
  return create(ir::OpCode::constant, {}, ir::Attrs().set(ir::Attr::values, std::vector<double>{value}),
                std::move(type), location);
}

Tensor Recorder::random(ir::OpCode code, const Dims& dims, const std::source_location& location) {
  const Tensor seed = shared_input("rng", ir::i32({4}), ir::Role::rng, {}, location);
  return create(code, {seed}, ir::Attrs().set(ir::Attr::stream, next_stream_++), ir::f32(dims), location);
}

// Inputs, states and outputs

Tensor Recorder::data_input(const std::string& name, ir::Type type, const std::source_location& location) {
  if (builder_.has_input(name)) fail(location, fmt::format("entry \"{}\" has an input \"{}\" already", name_, name));
  builder_.set_where(place(location));
  return tensor(builder_.input(name, std::move(type)));
}

Tensor Recorder::shared_input(const std::string& name, ir::Type type, ir::Role role, const ir::Init& init,
                              const std::source_location& location) {
  for (const ir::Graph& other : module_->graphs) check_agrees(other, name, type, role, init, location);
  if (builder_.has_input(name)) {
    check_agrees(builder_.graph(), name, type, role, init, location);
    return tensor(builder_.graph().inputs[builder_.graph().find_input(name)].value);
  }
  builder_.set_where(place(location));
  return tensor(builder_.input(name, std::move(type), role, init));
}

void Recorder::check_agrees(const ir::Graph& graph, const std::string& name, const ir::Type& type, ir::Role role,
                            const ir::Init& init, const std::source_location& location) const {
  const std::uint32_t found = graph.find_input(name);
  if (found == ir::kNone) return;
  const ir::Input& input = graph.inputs[found];
  const ir::Type& other = graph.type(input.value);
  if (input.role != role || other != type)
    fail(location, fmt::format("\"{}\" is {} {} here, but {} {} in entry \"{}\"", name, ir::name(role), to_string(type),
                               ir::name(input.role), to_string(other), graph.name));
  if (input.init != init)
    fail(location, fmt::format("\"{}\" starts with other values here than in entry \"{}\"", name, graph.name));
}

Tensor Recorder::latest_state(const Tensor& input, const std::string& name) const {
  const auto found = states_.find(name);
  return found == states_.end() ? input : Tensor(input.recorder(), found->second);
}

void Recorder::set_state(const std::string& name, const Tensor& value, const std::source_location& location) {
  const ir::Graph& graph = builder_.graph();
  const std::uint32_t found = graph.find_input(name);
  if (found == ir::kNone || graph.inputs[found].role != ir::Role::state)
    fail(location, fmt::format("entry \"{}\" has no state \"{}\"", name_, name));
  const ir::Type& kept = graph.type(graph.inputs[found].value);
  if (value.type() != kept)
    fail(location,
         fmt::format("the state \"{}\" is {}, its new value {}", name, to_string(kept), to_string(value.type())));
  if (graph.find_output(name) != ir::kNone)
    fail(location, fmt::format("\"{}\" is both a state and an output of entry \"{}\"", name, name_));
  states_[name] = value.value();
}

void Recorder::output(const std::string& name, const Tensor& value, const std::source_location& location) {
  if (builder_.has_output(name) || states_.count(name) != 0)
    fail(location, fmt::format("entry \"{}\" has an output \"{}\" already", name_, name));
  builder_.output(name, value.value());
}

void Recorder::close() {
  for (const auto& [name, value] : states_) builder_.output(name, value, builder_.graph().find_input(name));
  module_->graphs.push_back(builder_.take());
  abandon();
}

void Recorder::abandon() {
  closed_ = true;
  open_recorder.reset();
}

// Composite

Composite::Composite(const Operand& first)
    : recorder_(Recorder::of({first})), outer_scope_(recorder_->scope_), outer_caller_(recorder_->caller_) {
  if (!recorder_->caller_) recorder_->caller_ = first.location();
}

Composite::Composite(const Operand& first, const std::string& layer) : Composite(first) {
  recorder_->scope_ = layer;
  std::replace(recorder_->scope_.begin(), recorder_->scope_.end(), '.', '/');
}

Composite::~Composite() {
  recorder_->scope_ = outer_scope_;
  recorder_->caller_ = outer_caller_;
}

// Ops

std::vector<Tensor> as_tensors(const std::vector<Operand>& operands) {
  const std::shared_ptr<Recorder> recorder = Recorder::of(operands);
  const auto first =
      std::find_if(operands.begin(), operands.end(), [](const Operand& each) { return each.tensor().has_value(); });
  const DType dtype = first == operands.end() ? DType::f32 : first->tensor()->dtype();
  std::vector<Tensor> tensors;
  for (const Operand& operand : operands)
    tensors.push_back(operand.tensor() ? *operand.tensor()
                                       : recorder->constant(operand.number(), {dtype, {}}, operand.location()));
  return tensors;
}

Tensor make(ir::OpCode code, const std::vector<Operand>& operands, const ir::Attrs& attrs,
            const std::optional<ir::Type>& type) {
  return Recorder::of(operands)->create(code, as_tensors(operands), attrs, type, operands.front().location());
}

}  // namespace weft
