// Opens and closes the graphs of a module; inputs, parameters, states and outputs.
#include "frontend/entry.h"

#include <exception>

#include "frontend/recorder.h"
#include "ir/error.h"

namespace weft {

Entry::Entry(ir::Module& module, const std::string& name, Mode mode, std::source_location location)
    : exceptions_(std::uncaught_exceptions()) {
  if (module.find(name)) fail("{}: the model has an entry \"{}\" already", to_string(location), name);
  recorder_ = std::make_shared<Recorder>(module, name, mode);
  recorder_->open(location);
}

Entry::~Entry() {
  if (std::uncaught_exceptions() > exceptions_)
    recorder_->abandon();  // an exception leaves the block: the graph is incomplete
  else
    recorder_->close();
}

Tensor Entry::input(const std::string& name, const Dims& dims, DType dtype, std::source_location location) {
  return recorder_->data_input(name, {dtype, dims}, location);
}

Tensor Entry::hyper(const std::string& name, double fallback, std::source_location location) {
  return recorder_->shared_input(name, ir::f32({}), ir::Role::hyper, ir::constant_init(fallback), location);
}

void Entry::output(const std::string& name, Operand value) {
  recorder_->output(name, as_tensors({value}).front().named(name), value.location());
}

Tensor parameter(const std::string& name, const Dims& dims, const ir::Init& init, std::source_location location) {
  return Recorder::current(location)->shared_input(name, ir::f32(dims), ir::Role::param, init, location);
}

Tensor state(const std::string& name, const Dims& dims, const ir::Init& init, std::source_location location) {
  const std::shared_ptr<Recorder> recorder = Recorder::current(location);
  return recorder->latest_state(recorder->shared_input(name, ir::f32(dims), ir::Role::state, init, location), name);
}

void set_state(const std::string& name, Operand value) {
  Recorder::of({value})->set_state(name, as_tensors({value}).front(), value.location());
}

ModeScope::ModeScope(Mode mode, std::source_location location)
    : recorder_(Recorder::current(location)), outer_(recorder_->mode_) {
  recorder_->mode_ = mode;
}

ModeScope::~ModeScope() { recorder_->mode_ = outer_; }

Mode mode(std::source_location location) { return Recorder::current(location)->mode(); }

}  // namespace weft
