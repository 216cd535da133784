// Compiles, binds and runs the entries of a model over one state.
#include "training/session.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "ir/error.h"
#include "ir/text/suggest.h"
#include "ir/visible.h"
#include "training/batching.h"
#include "training/compiled_entry.h"
#include "training/step.h"

namespace weft::training {

using ir::GraphPtr;
using ir::Role;
using runtime::NamedTensors;
using runtime::TensorFile;

namespace {

// Random numbers outside training use step numbers that no training reaches.
constexpr std::uint64_t kEvaluationSteps = std::uint64_t{1} << 62;
constexpr std::uint64_t kRunSteps = std::uint64_t{3} << 61;
constexpr const char* kThisSession = "a session";
constexpr std::size_t kDeviceMetrics = 64;  // rows of metrics that a device keeps for reading

std::uint64_t read_number(const TensorFile& file, const std::filesystem::path& path, const char* key) {
  const auto found = file.metadata.find(key);
  if (found == file.metadata.end())
    fail("{}: not a checkpoint: its metadata lacks '{}'; training cannot resume from weights alone", path.string(),
         key);
  const std::string& text = found->second;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size())
    fail("{}: damaged checkpoint: its metadata says {} = '{}', which is not a number", path.string(), key, brief(text));
  return number;
}

}  // namespace

Session::~Session() = default;

runtime::HostTensor& output_of(NamedTensors& outputs, std::string_view entry, std::string_view name) {
  const auto found = outputs.find(std::string(name));
  if (found == outputs.end()) fail("entry @{} has no output {}", entry, name);
  return found->second;
}

std::string nonfinite_of(const Metrics& metrics) {
  std::string text;
  for (const auto& [name, value] : metrics)
    if (!std::isfinite(value))  // the sign of NaN has no meaning
      text += fmt::format("{}{} is {}", text.empty() ? "" : ", ", name, std::isnan(value) ? std::abs(value) : value);
  return text;
}

double metric_of(const Metrics& metrics, std::string_view name) {
  for (const auto& [known, value] : metrics)
    if (known == name) return value;
  fail("the model has no metric {}", name);
}

Session::Session(Session&&) noexcept = default;

Session::Session(ir::Module module, SessionOptions options)
    : module_(std::move(module)),
      options_(std::move(options)),
      space_(memory_of(options_.backend)),
      state_(space_),
      device_data_(space_) {
  if (options_.batch <= 0) fail("batch {}: a batch holds at least one sample", options_.batch);
  if (options_.threads < 0) fail("threads {}: give 0 (all cores) or more", options_.threads);
  if (module_.find(kLossEntry)) {
    passes::Context context;
    context.contrastive = options_.contrastive;
    training_graph_ = training_step(module_, options_.optimizer, context);
    state_.add(*training_graph_);
    collect_hypers(*training_graph_);
    for (const ir::Output& output : training_graph_->outputs)
      if (output.donates == ir::kNone && training_graph_->type(output.value) == ir::f32({}))
        metric_names_.push_back(output.name);
    if (!space_->is_host()) kept_metrics_ = kDeviceMetrics;
    metric_values_.resize(kept_metrics_ * metric_names_.size());
    metrics_ = space_->allocate(metric_values_.size() * sizeof(float));
  }
  for (const ir::Graph& graph : module_.graphs) {
    state_.add(graph);
    collect_hypers(graph);
  }
  state_.init(options_.seed);
}

void Session::collect_hypers(const ir::Graph& graph) {
  for (const ir::Input& input : graph.inputs)
    if (input.role == Role::hyper) hypers_.emplace(graph.values[input.value].name, static_cast<float>(input.init.a));
}

const GraphPtr& Session::training_graph() const {
  entry_of(module_, kLossEntry);  // throws Error if there is none
  return training_graph_;
}

// --- Programs ------------------------------------------------------------------------------------------------------

GraphPtr Session::graph_of(Use use, std::string_view entry, ir::DType samples) const {
  passes::Context context;
  context.contrastive = options_.contrastive;
  switch (use) {
    case Use::train:
      return samples == ir::DType::u8 ? training_graph()
                                      : training_step(module_, options_.optimizer, context, {}, samples);
    case Use::evaluate:
      return passes::run_passes(evaluation(module_, samples), passes::forward_pipeline(), context);
    case Use::fed:
      return passes::run_passes(fed_entry(module_, entry, samples), passes::forward_pipeline(), context);
    case Use::plain:
      return passes::run_passes(std::make_shared<const ir::Graph>(entry_of(module_, entry)), passes::forward_pipeline(),
                                context);
  }
  return nullptr;
}

Session::Compiled& Session::compiled(Use use, std::string_view entry, std::int64_t batch, const Dataset* data,
                                     CompileReport* report) {
  const std::int64_t size = data ? data->size() : 0;
  const auto found = std::ranges::find_if(programs_, [&](const auto& each) {
    return each->use == use && each->batch == batch && each->size == size && each->entry == entry &&
           (!data || each->samples_type == data->samples.dtype);
  });
  Compiled& ready = found != programs_.end() ? **found : add_program(use, entry, batch, data, report);
  if (data) ready.bind_data(*data, device_data_);
  return ready;
}

Session::Compiled& Session::add_program(Use use, std::string_view entry, std::int64_t batch, const Dataset* data,
                                        CompileReport* report) {
  auto made = std::make_unique<Compiled>();
  made->use = use;
  made->entry = entry;
  made->batch = batch;
  if (data) {
    made->size = data->size();
    made->samples_type = data->samples.dtype;
  }
  made->graph = graph_of(use, entry, made->samples_type);
  CompileOptions compile_options;
  compile_options.backend = options_.backend;
  compile_options.threads = options_.threads;
  compile_options.winograd = options_.winograd;
  compile_options.contractions = options_.contractions;
  compile_options.precision = options_.precision;
  for (const std::string& symbol : made->graph->symbols())
    compile_options.bind[symbol] = made->size > 0 && symbol == kSizeSymbol ? made->size : batch;
  compile_options.choose_layouts = use == Use::train && !state_.has_settled_layouts();
  compile_options.layouts = state_.layouts();
  made->program = compile(made->graph, compile_options, report);
  if (compile_options.choose_layouts && state_.settle_layouts(made->program->inputs())) programs_.clear();
  made->find_ports();
  state_.bind(*made->program);
  for (const auto& [name, value] : hypers_) made->write_hyper(name, value);
  programs_.push_back(std::move(made));
  return *programs_.back();
}

void Session::write_rng(Compiled& compiled, std::uint64_t step) const {
  if (compiled.rng < 0) return;
  const std::uint64_t words[2] = {options_.seed, step};  // seed low, seed high, step low, step high
  compiled.program->write_input(compiled.rng, words);
}

namespace {

template <typename Hypers>
auto find_hyper(Hypers& hypers, std::string_view name, const std::string& model) {
  const auto found = hypers.find(name);
  if (found != hypers.end()) return found;
  std::vector<std::string> names;
  for (const auto& [known, value] : hypers) names.push_back(known);
  fail("model {} has no hyperparameter {}{}", model, name, did_you_mean(name, names));
}

}  // namespace

double Session::hyper(std::string_view name) const { return find_hyper(hypers_, name, module_.name)->second; }

void Session::set_hyper(std::string_view name, double value) {
  const runtime::InUse use(busy_, kThisSession);
  const auto found = find_hyper(hypers_, name, module_.name);
  if (found->second == static_cast<float>(value)) return;
  found->second = static_cast<float>(value);
  for (const auto& each : programs_) each->write_hyper(name, found->second);
}

// --- Training and evaluation -----------------------------------------------------------------------------------------

void Session::step(const Dataset& data, std::span<const std::int64_t> indices) {
  const runtime::InUse use(busy_, kThisSession);
  if (indices.empty()) fail("a training step needs at least one sample");
  Compiled& train = compiled(Use::train, kLossEntry, static_cast<std::int64_t>(indices.size()), &data);
  std::int32_t* chosen = train.chosen.data();
  for (const std::int64_t index : indices) {
    if (index < 0 || index >= data.size()) fail("sample {} is outside a data set of {} samples", index, data.size());
    *chosen++ = static_cast<std::int32_t>(index);
  }
  train.program->write_input(train.indices, train.chosen.data());
  write_rng(train, steps_);
  train.program->run();
  ++steps_;
  keep_metrics(train);
}

void Session::keep_metrics(const Compiled& compiled) {
  if (has_full_metrics()) unread_ = 0;
  float* row = static_cast<float*>(metrics_.get()) + unread_ * metric_names_.size();
  for (const int output : compiled.metrics) space_->copy(row++, compiled.program->output(output), sizeof(float));
  ++unread_;
}

std::span<const float> Session::read_metrics() {
  const runtime::InUse use(busy_, kThisSession);
  const std::size_t count = std::exchange(unread_, 0) * metric_names_.size();
  if (count > 0) space_->read(metric_values_.data(), metrics_.get(), count * sizeof(float));
  return std::span(metric_values_).first(count);
}

runtime::Program& Session::training_program(const Dataset& data, std::int64_t batch, CompileReport* report) {
  const runtime::InUse use(busy_, kThisSession);
  Compiled& train = compiled(Use::train, kLossEntry, batch, &data, report);
  for (std::int64_t i = 0; i < batch; ++i)
    train.chosen[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(i % data.size());
  train.program->write_input(train.indices, train.chosen.data());
  write_rng(train, steps_);
  return *train.program;
}

Metrics Session::evaluate(const Dataset& data) {
  const runtime::InUse use(busy_, kThisSession);
  if (data.size() == 0) fail("cannot evaluate on {}: it holds no samples", data.name);
  const ScopedDeviceData passing(device_data_, data);
  Metrics sums;
  std::uint64_t chunk = 0;
  for (std::int64_t begin = 0; begin < data.size(); begin += options_.batch, ++chunk) {
    const std::int64_t rows = std::min(options_.batch, data.size() - begin);
    Compiled& test = compiled(Use::evaluate, kTestEntry, rows, &data);
    test.choose(begin);
    write_rng(test, kEvaluationSteps + chunk);
    test.program->run();
    if (sums.empty())
      for (const int output : test.metrics)
        sums.emplace_back(test.program->outputs()[static_cast<std::size_t>(output)].name, 0.0);
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i].second += static_cast<double>(rows) * test.metric(i);
  }
  for (auto& [name, sum] : sums) sum /= static_cast<double>(data.size());
  return sums;
}

// --- Other entries ---------------------------------------------------------------------------------------------------

NamedTensors Session::run(std::string_view entry, const NamedTensors& inputs, std::uint64_t draw) {
  const runtime::InUse use(busy_, kThisSession);
  const std::int64_t total = rows_of(entry_of(module_, entry), inputs);
  RowCollector collector(total);
  std::uint64_t chunk = draw << 32;
  for (std::int64_t begin = 0; begin < total; begin += options_.batch, ++chunk) {
    const std::int64_t rows = std::min(options_.batch, total - begin);
    Compiled& plain = compiled(Use::plain, entry, rows, nullptr);
    write_rows(*plain.program, *plain.graph, inputs, begin);
    write_rng(plain, kRunSteps + chunk);
    plain.program->run();
    collector.take(*plain.graph, *plain.program, begin, rows);
  }
  return collector.finish(entry);
}

NamedTensors Session::run(std::string_view entry, const Dataset& data, std::uint64_t draw) {
  const runtime::InUse use(busy_, kThisSession);
  const ScopedDeviceData passing(device_data_, data);
  RowCollector collector(data.size());
  std::uint64_t chunk = draw << 32;
  for (std::int64_t begin = 0; begin < data.size(); begin += options_.batch, ++chunk) {
    const std::int64_t rows = std::min(options_.batch, data.size() - begin);
    Compiled& fed = compiled(Use::fed, entry, rows, &data);
    fed.choose(begin);
    write_rng(fed, kRunSteps + chunk);
    fed.program->run();
    collector.take(*fed.graph, *fed.program, begin, rows);
  }
  return collector.finish(entry);
}

// --- Files ---------------------------------------------------------------------------------------------------------

TensorFile Session::save() const {
  const runtime::InUse use(busy_, kThisSession);
  TensorFile file = state_.save();
  file.metadata["weft"] = WEFT_VERSION;
  file.metadata["model"] = module_.name;
  file.metadata["seed"] = fmt::format("{}", options_.seed);
  file.metadata["step"] = fmt::format("{}", steps_);
  return file;
}

void Session::restore(const TensorFile& file, const std::filesystem::path& path) {
  const runtime::InUse use(busy_, kThisSession);
  const std::uint64_t seed = read_number(file, path, "seed");
  const std::uint64_t steps = read_number(file, path, "step");
  state_.load(file, path, runtime::State::Part::all, taken());
  options_.seed = seed;
  steps_ = steps;
}

void Session::load_weights(const TensorFile& file, const std::filesystem::path& path) {
  const runtime::InUse use(busy_, kThisSession);
  state_.load(file, path, runtime::State::Part::weights, taken());
}

std::vector<std::string> Session::load_part(const TensorFile& file, const std::filesystem::path& path,
                                            const std::string& prefix) {
  const runtime::InUse use(busy_, kThisSession);
  return state_.load_part(file, path, prefix, taken());
}

}  // namespace weft::training
