// Names, initializers and sizes.
#include "backends/onnx/emitter.h"

#include <algorithm>
#include <bit>

#include "backends/onnx/ops.h"
#include "ir/error.h"

namespace weft::onnx {

using ir::DType;
using ir::Role;

static_assert(std::endian::native == std::endian::little, "tensors are written as they lie in memory");

namespace {

template <typename T>
std::string raw_bytes(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

template <typename T>
std::string raw_bytes_as(const std::vector<double>& values) {
  std::vector<T> cast;
  cast.reserve(values.size());
  for (const double value : values) cast.push_back(static_cast<T>(value));
  return raw_bytes(cast);
}

// bf16 and f16 are written as f32, to be cast by a node.
std::string raw_numbers(const std::vector<double>& values, DType dtype) {
  switch (dtype) {
    case DType::f32:
    case DType::bf16:
    case DType::f16:
      return raw_bytes_as<float>(values);
    case DType::i32:
      return raw_bytes_as<std::int32_t>(values);
    case DType::u8:
    case DType::boolean:
      return raw_bytes_as<std::uint8_t>(values);
  }
  throw InternalError("onnx: a dtype without bytes");
}

}  // namespace

// --- Inputs, weights and outputs -----------------------------------------------------------------------------------

Emitter::Emitter(const ir::Graph& graph, const runtime::NamedTensors& weights, const ExportOptions& options)
    : graph_(graph), options_(options), names_(graph.values.size()) {
  model_.name = graph.name;
  model_.producer_version = options.version;
  const std::vector<int> uses = ir::use_counts(graph);
  for (const ir::Input& each : graph.inputs)
    if (each.role == Role::data || (uses[each.value] > 0 && each.role != Role::rng)) add_input(each, weights);
  reserve_output_names();
}

void Emitter::add_input(const ir::Input& input, const runtime::NamedTensors& weights) {
  const std::string& name = graph_.values[input.value].name;
  const ir::Type& wanted = type(input.value);
  std::string& known = names_[input.value];
  if (input.role == Role::data) {
    known = this->input(name, wanted);
    return;
  }
  known = unique(name);
  Initializer made{known, data_type(wanted.dtype), ir::numbers(wanted.dims), {}};
  if (input.role == Role::hyper) {
    made.raw = raw_numbers({input.init.a}, wanted.dtype);
  } else {
    const auto found = weights.find(name);
    if (found == weights.end()) fail("entry @{} needs the weight {}, which is not there", graph_.name, name);
    const runtime::HostTensor& weight = found->second;
    if (weight.dtype != wanted.dtype || weight.shape != made.dims)
      fail("entry @{} needs the weight {} as {}, got {}", graph_.name, name, ir::to_string(wanted), to_string(weight));
    made.raw.assign(reinterpret_cast<const char*>(weight.bytes.data()), weight.bytes.size());
  }
  model_.initializers.push_back(std::move(made));
}

std::string Emitter::input(const std::string& name, const ir::Type& type) {
  std::string known = unique(name);
  model_.inputs.push_back({known, type});
  return known;
}

// Before any op is named. In ONNX an input and an output cannot share a name.
void Emitter::reserve_output_names() {
  for (const ir::Output& output : graph_.outputs)
    output_names_.push_back(unique(taken_.count(output.name) == 0 ? output.name : output.name + "_out"));
}

void Emitter::add_outputs() {
  for (std::size_t i = 0; i < graph_.outputs.size(); ++i) {
    const ir::ValueId value = graph_.outputs[i].value;
    if (names_[value] != output_names_[i])
      model_.nodes.push_back({"Identity", {names_[value]}, output_names_[i], {}, {}});
    model_.outputs.push_back({output_names_[i], type(value)});
  }
}

// --- Names ---------------------------------------------------------------------------------------------------------

std::string Emitter::unique(const std::string& wanted) {
  std::string name = wanted;
  for (int i = 2; !taken_.insert(name).second; ++i) name = fmt::format("{}_{}", wanted, i);
  return name;
}

const std::string& Emitter::operator[](ir::ValueId value) const {
  check(!names_[value].empty(), "onnx: a value is defined before it is used");
  return names_[value];
}

std::vector<std::string> Emitter::operator[](const std::vector<ir::ValueId>& values) const {
  std::vector<std::string> names;
  for (const ir::ValueId value : values) names.push_back((*this)[value]);
  return names;
}

std::string Emitter::result_name(const ir::Op& op) {
  const ir::ValueId result = op.results.front();
  for (std::size_t i = 0; i < output_names_.size(); ++i)
    if (graph_.outputs[i].value == result) return output_names_[i];
  const std::string& own = graph_.values[result].name;
  return own.empty() ? model_.nodes.back().output : unique(own);
}

std::string Emitter::node(const std::string& op, std::vector<std::string> inputs, Attributes attributes) {
  std::string output = unique(scope_ + op);
  model_.nodes.push_back({op, std::move(inputs), output, std::move(attributes), doc_});
  return output;
}

void Emitter::add(const ir::Op& op) {
  scope_ = op.location.scope.empty() ? "" : op.location.scope + "/";
  doc_ = ir::to_string(op.location);
  const std::size_t before = model_.nodes.size();
  std::string& known = names_[op.results.front()];
  known = translate(*this, op);
  const bool is_new = model_.nodes.size() > before && model_.nodes.back().output == known;
  if (!is_new) return;  // another value, or an initializer
  known = result_name(op);
  model_.nodes.back().output = known;
  model_.values.push_back({known, result_type(op)});
}

// --- Constants -----------------------------------------------------------------------------------------------------

std::string Emitter::initializer(const std::string& prefix, DataType type, std::vector<std::int64_t> dims,
                                 std::string raw) {
  std::vector<std::int64_t> kind = dims;
  kind.push_back(static_cast<std::int64_t>(type));
  std::string& known = constants_[{std::move(kind), raw}];
  if (known.empty()) {
    known = unique(prefix);
    model_.initializers.push_back({known, type, std::move(dims), std::move(raw)});
  }
  return known;
}

std::string Emitter::integers(const std::vector<std::int64_t>& values) {
  return initializer("integers", DataType::i64, {static_cast<std::int64_t>(values.size())}, raw_bytes(values));
}

std::string Emitter::scalar(double value, DType dtype) { return numbers({value}, {dtype, {}}); }

std::string Emitter::numbers(const std::vector<double>& values, const ir::Type& type) {
  const bool is_half = ir::is_narrow_float(type.dtype);
  const DType written = is_half ? DType::f32 : type.dtype;
  std::string made =
      initializer("constant", data_type(written), ir::numbers(type.dims), raw_numbers(values, type.dtype));
  if (!is_half) return made;
  return node("Cast", {std::move(made)}, {{"to", static_cast<std::int64_t>(data_type(type.dtype))}});
}

// --- Sizes ---------------------------------------------------------------------------------------------------------

// The number of a symbol, from the first input that has a dim of it.
std::string Emitter::symbol(const std::string& name) {
  for (const ir::Input& each : graph_.inputs) {
    const ir::Dims& dims = type(each.value).dims;
    const auto found = std::ranges::find(dims, name, &ir::Dim::symbol);
    if (each.role != Role::data || found == dims.end()) continue;
    const std::int64_t axis = found - dims.begin();
    std::string size = node("Shape", {names_[each.value]}, {{"start", axis}, {"end", axis + 1}});
    return found->factor == 1 ? size : node("Div", {size, integers({found->factor})});
  }
  fail("entry @{} has values of size {}, which no input tells; export it for a fixed batch (--batch N)", graph_.name,
       name);
}

std::string Emitter::dim(const ir::Dim& dim) {
  if (dim.is_number()) return integers({dim.factor});
  std::string& one = sizes_[dim.symbol];
  if (one.empty()) one = symbol(dim.symbol);
  if (dim.factor == 1) return one;
  std::string& size = sizes_[ir::to_string(dim)];
  if (size.empty()) size = node("Mul", {one, integers({dim.factor})});
  return size;
}

std::string Emitter::shape(const ir::Dims& dims) {
  if (std::ranges::all_of(dims, &ir::Dim::is_number)) return integers(ir::numbers(dims));
  std::vector<std::string> parts;
  for (const ir::Dim& each : dims) parts.push_back(dim(each));
  return parts.size() == 1 ? parts.front() : node("Concat", std::move(parts), {{"axis", std::int64_t(0)}});
}

// A size of 1 in the shape leaves x's own.
std::string Emitter::expand(const std::string& x, const ir::Dims& from, const ir::Dims& to) {
  if (from == to) return x;
  ir::Dims sizes = to;
  const std::size_t lead = to.size() - from.size();
  for (std::size_t i = 0; i < from.size(); ++i)
    if (from[i] == to[lead + i]) sizes[lead + i] = 1;
  return node("Expand", {x, shape(sizes)});
}

// In the shape 0 keeps x's own size, and one -1 is what is left over.
std::string Emitter::reshape(const std::string& x, const ir::Dims& from, const ir::Dims& to) {
  ir::Dims sizes = to;
  bool has_rest = false;
  for (std::size_t i = 0; i < to.size(); ++i) {
    if (to[i].is_number()) continue;
    if (i < from.size() && from[i] == to[i])
      sizes[i] = 0;
    else if (!std::exchange(has_rest, true))
      sizes[i] = -1;
  }
  return node("Reshape", {x, shape(sizes)});
}

}  // namespace weft::onnx
