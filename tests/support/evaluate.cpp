// Runs DSL entries in the reference interpreter.
#include "tests/support/evaluate.h"

#include "backends/reference/reference.h"
#include "ir/error.h"
#include "ir/verify.h"

namespace weft::test {

namespace {

reference::Tensor value_of(const ir::Graph& graph, const ir::Input& input, const Named& inputs) {
  const std::string& name = graph.values[input.value].name;
  const ir::Type& type = graph.type(input.value);
  const auto found = inputs.find(name);
  if (found != inputs.end()) {
    if (std::int64_t(found->second.size()) != type.elements())
      fail("test: {} numbers for {} {}", found->second.size(), name, to_string(type));
    return {type, found->second};
  }
  if (input.role == ir::Role::rng) return reference::filled(type, 0);
  if (input.init.kind != ir::Init::Kind::constant) fail("test: no value for {}", name);
  return reference::filled(type, input.init.a);
}

}  // namespace

Named evaluate(const ir::Graph& graph, const ir::Bindings& bind, const Named& inputs) {
  ir::verify(graph);
  const ir::Graph bound = ir::bind(graph, bind);
  std::vector<reference::Tensor> values;
  for (const ir::Input& input : bound.inputs) values.push_back(value_of(bound, input, inputs));
  const std::vector<reference::Tensor> results = reference::run<double>(bound, values);
  Named outputs;
  for (std::size_t i = 0; i < results.size(); ++i) outputs[bound.outputs[i].name] = results[i].data;
  return outputs;
}

ir::Graph graph_of(Mode mode, const std::function<void(Entry&)>& fill) {
  ir::Module module{"test", {}};
  {
    Entry entry(module, "entry", mode);
    fill(entry);
  }
  return module.graphs.front();
}

Named evaluate(Mode mode, const std::function<void(Entry&)>& fill, const Named& inputs, const ir::Bindings& bind) {
  return evaluate(graph_of(mode, fill), bind, inputs);
}

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace weft::test
