// A model in use: its state, and its entries compiled on demand for each batch size. All training, evaluation and
// sampling uses a session.
//
// A run is a function of (graph, data, seed): the seed determines the initial params; seed and step number determine
// the random numbers of a step.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backends/compile.h"
#include "ir/graph.h"
#include "passes/update.h"
#include "runtime/busy.h"
#include "runtime/program.h"
#include "runtime/safetensors.h"
#include "runtime/state.h"
#include "training/data/dataset.h"
#include "training/device_data.h"

namespace weft::training {

struct SessionOptions {
  std::string backend = backend_names().front();
  int threads = 0;  // 0: all cores
  std::uint64_t seed = 1;
  std::int64_t batch = 128;  // samples per step, in training, `evaluate` and `run`
  passes::OptimizerSpec optimizer;
  bool contrastive = true;  // whether the pass `contrastive` runs
  bool winograd = true;     // see CompileOptions
  Contractions contractions = Contractions::automatic;
  Precision precision = Precision::f32;
  bool allow_nonfinite = false;  // accepts weights that hold NaN or infinity, for inspection; not part of a config
};

using Metrics = std::vector<std::pair<std::string, double>>;  // in the order of the entry's outputs

// An output of `run`. Throws Error if the entry has no output of that name.
runtime::HostTensor& output_of(runtime::NamedTensors& outputs, std::string_view entry, std::string_view name);
// "loss is nan, kl is inf", or "" if all are finite.
std::string nonfinite_of(const Metrics& metrics);
// A metric of `evaluate`. Throws Error if the model has no such metric.
double metric_of(const Metrics& metrics, std::string_view name);

// For one thread at a time: a function that computes or changes something throws Error while another thread is inside
// one. Different threads may use different sessions at the same time.
class Session {
 public:
  // Initialises the params. Throws Error if the options or the module are invalid.
  Session(ir::Module module, SessionOptions options);
  ~Session();
  Session(Session&&) noexcept;

  const ir::Module& module() const { return module_; }
  const SessionOptions& options() const { return options_; }
  const runtime::State& state() const { return state_; }
  bool has(std::string_view entry) const { return module_.find(entry) != nullptr; }
  std::uint64_t steps() const { return steps_; }

  // One training step on these samples of `data`, which must stay in place while the session is in use. Allocates only
  // in the first step with a data set and number of samples.
  void step(const Dataset& data, std::span<const std::int64_t> indices);
  // The metrics of a step: the names of the loss entry's scalar outputs.
  std::span<const std::string> metric_names() const { return metric_names_; }
  // Their values, one row per step since the last call, oldest first; valid until the next step. The call waits for the
  // last step, which leaves a device idle; a session on a device therefore keeps several rows. When they are full, the
  // next step discards them.
  std::span<const float> read_metrics();
  bool has_full_metrics() const { return unread_ == kept_metrics_; }

  // The mean over all samples of each scalar output of the entry `test` (or `loss`). Deterministic: its random numbers
  // belong to step numbers that training never reaches.
  Metrics evaluate(const Dataset& data);

  // Runs an entry on any number of rows and returns its batched outputs by name. `inputs` holds each data input of the
  // entry, rows first; the second overload feeds the entry with the samples of `data`. Random numbers depend on `draw`
  // (below 2^29): the same draw gives the same outputs.
  runtime::NamedTensors run(std::string_view entry, const runtime::NamedTensors& inputs, std::uint64_t draw = 0);
  runtime::NamedTensors run(std::string_view entry, const Dataset& data, std::uint64_t draw = 0);

  // Sets a hyper input (`lr`, `beta`) of every entry that has it. Throws Error if none has it.
  void set_hyper(std::string_view name, double value);
  double hyper(std::string_view name) const;
  bool has_hyper(std::string_view name) const { return hypers_.find(name) != hypers_.end(); }

  // State, steps and seed as a file, and back. A restored session continues with the same bits as the saved one.
  runtime::TensorFile save() const;
  void restore(const runtime::TensorFile& file, const std::filesystem::path& path);
  // Loads only the weights; optimizer state, steps and seed stay.
  void load_weights(const runtime::TensorFile& file, const std::filesystem::path& path);
  // Loads only the weights whose names begin with `prefix`; returns the names of further such weights in the file
  // (runtime::State::load_part).
  std::vector<std::string> load_part(const runtime::TensorFile& file, const std::filesystem::path& path,
                                     const std::string& prefix);
  // Copies the weights that another model has too, by name and type.
  void take_weights(const Session& other) { state_.take(other.state_.save()); }

  // The training step as a program bound to `data` and the state; and its graph before compilation, fed with images.
  runtime::Program& training_program(const Dataset& data, std::int64_t batch, CompileReport* report = nullptr);
  const ir::GraphPtr& training_graph() const;

 private:
  struct Compiled;
  enum class Use : std::uint8_t { train, evaluate, fed, plain };

  void collect_hypers(const ir::Graph& graph);
  ir::GraphPtr graph_of(Use use, std::string_view entry, ir::DType samples) const;
  Compiled& compiled(Use use, std::string_view entry, std::int64_t batch, const Dataset* data,
                     CompileReport* report = nullptr);
  Compiled& add_program(Use use, std::string_view entry, std::int64_t batch, const Dataset* data,
                        CompileReport* report);
  void write_rng(Compiled& compiled, std::uint64_t step) const;
  void keep_metrics(const Compiled& compiled);
  runtime::State::Values taken() const {
    return options_.allow_nonfinite ? runtime::State::Values::any : runtime::State::Values::finite;
  }

  ir::Module module_;
  SessionOptions options_;
  ir::GraphPtr training_graph_;  // null if the model has no loss
  std::shared_ptr<runtime::Memory> space_;
  runtime::State state_;
  DeviceData device_data_;
  std::vector<std::unique_ptr<Compiled>> programs_;
  std::map<std::string, float, std::less<>> hypers_;
  std::uint64_t steps_ = 0;
  std::vector<std::string> metric_names_;
  std::size_t kept_metrics_ = 1;      // rows
  std::size_t unread_ = 0;            // rows
  std::shared_ptr<void> metrics_;     // the rows, in the memory of programs
  std::vector<float> metric_values_;  // the rows read last
  mutable runtime::BusyFlag busy_;
};

}  // namespace weft::training
