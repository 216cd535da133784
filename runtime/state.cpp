// Layout, initialisation, binding, saving and loading of a model's state.
#include "runtime/state.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "ir/error.h"
#include "ir/hash.h"
#include "ir/memory_layout.h"
#include "ir/visible.h"
#include "runtime/rng.h"

namespace weft::runtime {

using ir::Init;
using ir::Role;

namespace {

constexpr std::uint32_t kInitStream = 0x696e6974;  // "init": differs from the streams of graphs and of the shuffle
constexpr const char* kOptimizerKey = "optimizer";

bool is_kept(Role role) { return role == Role::param || role == Role::state; }

HostTensor empty_of(const ir::Type& type) { return HostTensor::zeros(type.dtype, ir::numbers(type.dims)); }

// Params keep their names; optimizer tensors are prefixed with the moment: `adam.m.encoder.fc1.weight`.
std::string tensor_name(const std::string& flat_input, Role role, const std::string& slot) {
  const std::string prefix = flat_input + ".";
  return role == Role::param || slot.starts_with(prefix) ? slot : prefix + slot;
}

double draw(const Init& init, const RandomSource& source, std::uint32_t element) {
  switch (init.kind) {
    case Init::Kind::none:
      return 0;
    case Init::Kind::constant:
      return init.a;
    case Init::Kind::uniform:
      return init.a + (init.b - init.a) * uniform<double>(source, element);
    case Init::Kind::normal:
      return init.a + init.b * normal<double>(source, element);
  }
  return 0;
}

template <typename T>
void fill(HostTensor& tensor, std::int64_t count, const Init& init, const RandomSource& source) {
  T* values = reinterpret_cast<T*>(tensor.bytes.data());
  for (std::int64_t i = 0; i < count; ++i)
    values[i] = static_cast<T>(draw(init, source, static_cast<std::uint32_t>(i)));
}

std::vector<std::size_t> offsets_of(const std::string& layout, const ir::Type& type) {
  const auto parsed = ir::parse_memory_layout(layout);
  check(parsed.has_value() && type.dtype == ir::DType::f32, "layouts are verified, and belong to floats");
  return ir::memory_offsets(*parsed, ir::numbers(type.dims));
}

// The settings that the file was made with, for error messages.
std::string origin(const TensorFile& file) {
  std::string text;
  for (const char* key : {"model", "settings"})
    if (const auto found = file.metadata.find(key); found != file.metadata.end())
      text += fmt::format("{}{} {}", text.empty() ? " (the file says: " : ", ", key,
                          shortened(visible(found->second), 300));
  return text.empty() ? text : text + ")";
}

std::vector<std::string> optimizer_prefixes(const TensorFile& file) {
  std::vector<std::string> prefixes;
  const auto found = file.metadata.find(kOptimizerKey);
  if (found == file.metadata.end()) return prefixes;
  for (std::size_t begin = 0; begin < found->second.size();) {
    const std::size_t end = std::min(found->second.find(',', begin), found->second.size());
    prefixes.push_back(found->second.substr(begin, end - begin) + ".");
    begin = end + 1;
  }
  return prefixes;
}

// Why the file cannot provide a tensor, or "".
std::string misfit(const TensorFile& file, const std::string& name, const ir::Type& type) {
  const auto found = file.tensors.find(name);
  if (found == file.tensors.end()) return fmt::format("it lacks {} {}", name, to_string(type));
  if (found->second.dtype == type.dtype && found->second.shape == ir::numbers(type.dims)) return "";
  return fmt::format("{} is {} in the file, but {} in the model", name, to_string(found->second), to_string(type));
}

// A diverged training writes no checkpoint, so such values come from elsewhere or from damage.
void check_finite(const TensorFile& file, const std::filesystem::path& path, const std::string& name) {
  const HostTensor& tensor = file.tensors.at(name);
  if (tensor.dtype != ir::DType::f32) return;
  const auto values = tensor.as<float>();
  const auto is_bad = [](float value) { return !std::isfinite(value); };
  const auto first = std::ranges::find_if(values, is_bad);
  if (first == values.end()) return;
  fail(
      "{}: {} holds {} of {} values that are not finite, the first at index {} ({}): training diverged, or the file "
      "was "
      "changed; take an earlier checkpoint, train again, or look at it with --allow-nonfinite",
      path.string(), name, std::ranges::count_if(values, is_bad), values.size(), first - values.begin(), *first);
}

[[noreturn]] void refuse(const TensorFile& file, const std::filesystem::path& path, bool for_optimizer,
                         const std::string& what) {
  if (for_optimizer)
    fail("{}: a checkpoint of another optimizer: {}{}; resume with the optimizer it was made with", path.string(), what,
         origin(file));
  fail("{}: not the weights of this model: {}{}; use the model and the settings it was made with", path.string(), what,
       origin(file));
}

}  // namespace

// --- Layout --------------------------------------------------------------------------------------------------------

void State::add(const ir::Graph& graph) {
  for (const ir::Input& input : graph.inputs) {
    if (!is_kept(input.role)) continue;
    const ir::Value& value = graph.values[input.value];
    if (!value.type.is_static())
      fail("entry @{}: {} is {}; state that is kept between steps cannot depend on the batch", graph.name, value.name,
           to_string(value.type));
    if (!input.slots.empty()) {
      add_flat(graph, input);
    } else if (const auto there = by_name_.find(value.name); there == by_name_.end()) {
      add_tensor({value.name, input.role, value.type, input.init, false, add_region(value.type), 0});
    } else if (tensors_[there->second].type != value.type) {
      fail("entry @{}: {} is {}, but {} in another entry of the model; entries share tensors by name", graph.name,
           value.name, to_string(value.type), to_string(tensors_[there->second].type));
    }
  }
}

std::size_t State::add_region(const ir::Type& type) {
  regions_.push_back({space_->allocate(type.bytes()), type.bytes()});
  return regions_.size() - 1;
}

void State::add_flat(const ir::Graph& graph, const ir::Input& input) {
  const ir::Value& value = graph.values[input.value];
  check(!flat_.contains(value.name), "two training steps share one state");
  const std::size_t region = add_region(value.type);
  flat_[value.name] = region;
  for (const ir::Slot& slot : input.slots)
    add_tensor({tensor_name(value.name, input.role, slot.name), input.role, slot.type, slot.init,
                input.role == Role::state, region, static_cast<std::size_t>(slot.offset) * size_of(value.type.dtype)});
}

void State::add_tensor(Tensor tensor) {
  const bool added = by_name_.emplace(tensor.name, tensors_.size()).second;
  check(added, "two tensors of a state have one name");
  tensors_.push_back(std::move(tensor));
}

// --- Start and use -------------------------------------------------------------------------------------------------

void State::init(std::uint64_t seed) {
  for (const Tensor& tensor : tensors_) {
    const std::int64_t count = tensor.type.elements();
    const RandomSource source{seed, kInitStream, fnv1a(tensor.name)};
    HostTensor values = empty_of(tensor.type);
    if (tensor.type.dtype == ir::DType::f32) {
      fill<float>(values, count, tensor.init, source);
    } else if (tensor.type.dtype == ir::DType::i32) {
      fill<std::int32_t>(values, count, tensor.init, source);
    } else {
      fail("{} is {}; params and state are f32 or i32", tensor.name, to_string(tensor.type));
    }
    write(tensor, values);
  }
}

void State::bind(Program& program) {
  for (std::size_t i = 0; i < program.inputs().size(); ++i) {
    const Port& port = program.inputs()[i];
    if (!is_kept(port.role)) continue;
    if (!port.slots.empty()) {
      const auto flat = flat_.find(port.name);
      check(flat != flat_.end() && regions_[flat->second].bytes == port.type.bytes(),
            "a program's flat input is that of the state");
      program.bind_input(static_cast<int>(i), regions_[flat->second].memory.get());
    } else {
      const auto found = by_name_.find(port.name);
      check(found != by_name_.end() && tensors_[found->second].type == port.type,
            "a program's param is a tensor of the state");
      program.bind_input(static_cast<int>(i), memory(tensors_[found->second]));
    }
  }
}

std::vector<std::byte> State::region(std::size_t index) const {
  std::vector<std::byte> bytes(regions_[index].bytes);
  space_->read(bytes.data(), regions_[index].memory.get(), bytes.size());
  return bytes;
}

std::int64_t State::parameters() const {
  std::int64_t count = 0;
  for (const Tensor& tensor : tensors_)
    if (tensor.role == Role::param) count += tensor.type.elements();
  return count;
}

std::string State::first_not_finite() const {
  for (const Tensor& tensor : tensors_) {
    if (tensor.type.dtype != ir::DType::f32) continue;
    HostTensor copy;  // only for memory that the host cannot read
    if (!space_->is_host()) copy = read(tensor);
    const auto* values = reinterpret_cast<const float*>(space_->is_host() ? memory(tensor) : copy.bytes.data());
    if (!std::all_of(values, values + tensor.type.elements(), [](float value) { return std::isfinite(value); }))
      return tensor.name;
  }
  return {};
}

// --- Files ---------------------------------------------------------------------------------------------------------

TensorFile State::save() const {
  TensorFile file;
  for (const Tensor& tensor : tensors_) {
    file.tensors.emplace(tensor.name, read(tensor));
  }
  std::vector<std::string> of_optimizer;
  for (const auto& [name, region] : flat_)
    if (std::ranges::any_of(tensors_,
                            [&](const Tensor& tensor) { return tensor.region == region && tensor.of_optimizer; }))
      of_optimizer.push_back(name);
  if (!of_optimizer.empty()) file.metadata[kOptimizerKey] = fmt::format("{}", fmt::join(of_optimizer, ","));
  return file;
}

// --- Layouts in memory ---------------------------------------------------------------------------------------------

void State::write(const Tensor& tensor, const HostTensor& value) {
  if (tensor.layout.empty()) {
    space_->write(memory(tensor), value.bytes.data(), value.bytes.size());
    return;
  }
  const std::vector<std::size_t> offsets = offsets_of(tensor.layout, tensor.type);
  HostTensor laid = empty_of(tensor.type);
  const auto* from = reinterpret_cast<const float*>(value.bytes.data());
  auto* to = reinterpret_cast<float*>(laid.bytes.data());
  for (std::size_t i = 0; i < offsets.size(); ++i) to[offsets[i]] = from[i];
  space_->write(memory(tensor), laid.bytes.data(), laid.bytes.size());
}

HostTensor State::read(const Tensor& tensor) const {
  HostTensor laid = empty_of(tensor.type);
  space_->read(laid.bytes.data(), memory(tensor), laid.bytes.size());
  if (tensor.layout.empty()) return laid;
  HostTensor value = empty_of(tensor.type);
  const std::vector<std::size_t> offsets = offsets_of(tensor.layout, tensor.type);
  const auto* from = reinterpret_cast<const float*>(laid.bytes.data());
  auto* to = reinterpret_cast<float*>(value.bytes.data());
  for (std::size_t i = 0; i < offsets.size(); ++i) to[i] = from[offsets[i]];
  return value;
}

bool State::settle_layouts(const std::vector<Port>& inputs) {
  if (std::exchange(settled_, true)) return false;
  bool changed = false;
  for (const Port& port : inputs)
    for (const ir::Slot& slot : port.slots) {
      if (slot.layout.empty()) continue;
      Tensor& tensor = tensors_[by_name_.at(tensor_name(port.name, port.role, slot.name))];
      const HostTensor values = read(tensor);
      tensor.layout = slot.layout;
      write(tensor, values);
      changed = true;
    }
  return changed;
}

std::map<std::string, std::string> State::layouts() const {
  std::map<std::string, std::string> layouts;
  for (const Tensor& tensor : tensors_)
    if (tensor.role == Role::param && !tensor.layout.empty()) layouts[tensor.name] = tensor.layout;
  return layouts;
}

void State::load(const TensorFile& file, const std::filesystem::path& path, Part part, Values values) {
  const std::vector<std::string> prefixes = optimizer_prefixes(file);
  const auto wanted = [&](const Tensor& tensor) { return part == Part::all || !tensor.of_optimizer; };
  for (const Tensor& tensor : tensors_)
    if (wanted(tensor))
      if (const std::string what = misfit(file, tensor.name, tensor.type); !what.empty())
        refuse(file, path, tensor.of_optimizer, what);
  for (const auto& [name, tensor] : file.tensors) {
    if (by_name_.contains(name)) continue;
    const bool of_optimizer =
        std::ranges::any_of(prefixes, [&text = name](const std::string& prefix) { return text.starts_with(prefix); });
    if (of_optimizer && part == Part::weights) continue;
    refuse(file, path, of_optimizer, fmt::format("{} {} is not one of its tensors", brief(name), to_string(tensor)));
  }
  for (const Tensor& tensor : tensors_)
    if (wanted(tensor) && values == Values::finite) check_finite(file, path, tensor.name);
  for (const Tensor& tensor : tensors_)
    if (wanted(tensor)) write(tensor, file.tensors.at(tensor.name));
}

std::vector<std::string> State::load_part(const TensorFile& file, const std::filesystem::path& path,
                                          const std::string& prefix, Values values) {
  const auto wanted = [&](const Tensor& tensor) { return !tensor.of_optimizer && tensor.name.starts_with(prefix); };
  if (std::ranges::none_of(tensors_, wanted))
    fail("the model has no weights {}*: nothing to load from {}", prefix, path.string());
  for (const Tensor& tensor : tensors_)
    if (wanted(tensor))
      if (const std::string what = misfit(file, tensor.name, tensor.type); !what.empty())
        fail("{}: its weights {}* belong to another model: {}{}; use the settings it was made with", path.string(),
             prefix, what, origin(file));
  for (const Tensor& tensor : tensors_)
    if (wanted(tensor) && values == Values::finite) check_finite(file, path, tensor.name);
  for (const Tensor& tensor : tensors_)
    if (wanted(tensor)) write(tensor, file.tensors.at(tensor.name));
  std::vector<std::string> left;
  for (const auto& [name, tensor] : file.tensors)
    if (name.starts_with(prefix) && !by_name_.contains(name)) left.push_back(name);
  return left;
}

void State::take(const TensorFile& file) {
  for (const Tensor& tensor : tensors_)
    if (!tensor.of_optimizer && misfit(file, tensor.name, tensor.type).empty())
      write(tensor, file.tensors.at(tensor.name));
}

}  // namespace weft::runtime
