// A model in use: its state, and its entries compiled on demand for the batches they meet. Everything that trains,
// evaluates or samples goes through one.
//
// A run is a function of (graph, data, seed): params start from the seed, and the random numbers of a step from the
// seed and the number of steps before it.
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
  std::int64_t batch = 128;  // samples a training step, and at once in `evaluate` and `run`
  passes::OptimizerSpec optimizer;
  bool contrastive = true;  // whether the pass `contrastive` runs
  bool winograd = true;     // see CompileOptions
  bool standalone = false;  // see CompileOptions
  Precision precision = Precision::f32;
  bool allow_nonfinite = false;  // takes weights that hold NaN or infinity, to look at them; not kept in a config
};

using Metrics = std::vector<std::pair<std::string, double>>;  // in the order of the entry's outputs

// An output that `run` gave. Throws Error where the entry has none of that name.
runtime::HostTensor& output_of(runtime::NamedTensors& outputs, std::string_view entry, std::string_view name);
// "loss is nan, kl is inf", or "" where all are finite.
std::string nonfinite_of(const Metrics& metrics);
// A metric that `evaluate` gave. Throws Error where the model does not measure it.
double metric_of(const Metrics& metrics, std::string_view name);

// One thread at a time: a function that computes or changes something throws Error while another thread is inside one.
// Any number of sessions may be used at once, each by its own thread.
class Session {
 public:
  // Params start by their inits. Throws Error where the options or the module make no sense.
  Session(ir::Module module, SessionOptions options);
  ~Session();
  Session(Session&&) noexcept;

  const ir::Module& module() const { return module_; }
  const SessionOptions& options() const { return options_; }
  const runtime::State& state() const { return state_; }
  bool has(std::string_view entry) const { return module_.find(entry) != nullptr; }
  std::uint64_t steps() const { return steps_; }

  // One training step on these samples of `data`, which must stay where it is while the session is used. Allocates
  // nothing once it has seen the data set and the number of samples.
  void step(const Dataset& data, std::span<const std::int64_t> indices);
  // What steps measure: the names of the loss entry's scalar outputs.
  std::span<const std::string> metric_names() const { return metric_names_; }
  // Their values, a row for each step since the last call, oldest first; valid until the next step. Asking waits for
  // the last step, and so keeps a device idle: there many rows are kept, and only when they are full the oldest are
  // lost.
  std::span<const float> read_metrics();
  bool has_full_metrics() const { return unread_ == kept_metrics_; }

  // The mean over all samples of each scalar output of the entry `test` (or `loss`). Deterministic: its random numbers
  // come from steps that training never reaches.
  Metrics evaluate(const Dataset& data);

  // Runs an entry on any number of rows and gives its batched outputs, by name. `inputs` holds each data input of the
  // entry, rows first; the second form feeds the entry with the samples of `data`. An entry that draws random numbers
  // gives the same rows each time; another `draw` (below 2^29) has others.
  runtime::NamedTensors run(std::string_view entry, const runtime::NamedTensors& inputs, std::uint64_t draw = 0);
  runtime::NamedTensors run(std::string_view entry, const Dataset& data, std::uint64_t draw = 0);

  // Sets a hyper input (`lr`, `beta`) of every entry that has it. Throws Error where none has.
  void set_hyper(std::string_view name, double value);
  double hyper(std::string_view name) const;
  bool has_hyper(std::string_view name) const { return hypers_.find(name) != hypers_.end(); }

  // State, steps and seed as a file, and back: a restored session goes on bitwise as the saved one would have.
  runtime::TensorFile save() const;
  void restore(const runtime::TensorFile& file, const std::filesystem::path& path);
  // The weights alone; what the optimizer holds, the steps and the seed stay.
  void load_weights(const runtime::TensorFile& file, const std::filesystem::path& path);
  // Those alone whose names begin with `prefix`; gives the names of those the file has beyond them
  // (runtime::State::load_part).
  std::vector<std::string> load_part(const runtime::TensorFile& file, const std::filesystem::path& path,
                                     const std::string& prefix);
  // Those weights that another model has too, by name and type.
  void take_weights(const Session& other) { state_.take(other.state_.save()); }

  // The training step as a program bound to `data` and the state, and its graph, fed with pictures, before compilation.
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
  ir::GraphPtr training_graph_;  // null where the model has no loss
  std::shared_ptr<runtime::Memory> space_;
  runtime::State state_;
  DeviceData device_data_;
  std::vector<std::unique_ptr<Compiled>> programs_;
  std::map<std::string, float, std::less<>> hypers_;
  std::uint64_t steps_ = 0;
  std::vector<std::string> metric_names_;
  std::size_t kept_metrics_ = 1;      // rows
  std::size_t unread_ = 0;            // of them
  std::shared_ptr<void> metrics_;     // the rows, where programs are
  std::vector<float> metric_values_;  // those read last
  mutable runtime::BusyFlag busy_;
};

}  // namespace weft::training
