// weft compile: compiles entries of a model to an object file, libraries and a C header, for programs without Weft.
#include "backends/aot/compile.h"

#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "backends/aot/build.h"
#include "ir/text/number.h"
#include "runtime/atomic_file.h"
#include "tools/commands/commands.h"
#include "tools/console/console.h"
#include "tools/console/interrupt.h"
#include "tools/flags/model_flags.h"
#include "tools/flags/run_flags.h"
#include "tools/flags/train_flags.h"
#include "training/compile_model.h"
#include "training/runs/run_directory.h"

namespace weft::tools {

namespace fs = std::filesystem;
using aot::Weights;

namespace {

std::vector<std::string> parts_of(const std::string& list) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin < list.size();) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    parts.push_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

std::vector<std::int64_t> batches_of(const std::string& list) {
  std::vector<std::int64_t> batches;
  for (const std::string& part : parts_of(list)) {
    batches.push_back(parse_number<std::int64_t>(part).value_or(0));
    if (batches.back() < 1)
      fail_usage("--batch takes comma-separated whole numbers above 0, such as 1,64; got '{}'", list);
  }
  if (batches.empty()) fail_usage("--batch takes at least one number, such as 1,64");
  return batches;
}

class CompileCommand final : public Command {
 public:
  explicit CompileCommand(const Catalog& catalog) : catalog_(catalog), model_(catalog) {}

  void declare(Flags& flags) override {
    flags.group("Compile");
    flags.add("entry", entries_, "LIST",
              "Entries to compile, such as encode,decode,train_step [all but those for training]");
    flags.add("batch", batches_, "LIST", "Batch sizes to compile each entry for, such as 1,64");
    flags.add("weights", weights_, "FILE", "Weights as a safetensors file [the run's]");
    flags.add("embed", embed_, "Embed the weights in the libraries instead of writing PREFIX.safetensors");
    flags.add("out,o", out_, "PREFIX", "Write PREFIX.o, .a, .so, .h and .json [the model's name]");
    flags.add("json", json_, "Print one JSON object as the last line");
    flags.group("Machine");
    flags.choose("backend", backend_, {"cpu", "cuda", "cuda-emulated"}, "Backend");
    flags.add(
        "arch", architectures_, "LIST",
        "With --backend cuda: GPUs to include machine code for, such as sm_80,sm_90; other GPUs compile the source "
        "with NVRTC");
    flags.choose("precision", precision_, precision_names(),
                 "With --backend cuda: precision of matmuls and convolutions");
    flags.add("cpu", options_.cpu, "NAME", "Minimum CPU: native, x86-64-v3, x86-64-v4, znver4, ...");
    flags.add("target", options_.triple, "TRIPLE",
              "With --standalone: target machine, such as aarch64-linux-gnu; needs TRIPLE-gcc [this machine]");
    flags.add("standalone", options_.standalone,
              "Generate matmuls and convolutions too: the libraries need only libc and libm, and use one thread");
    flags.add("cc", cc_, "PROGRAM", "C compiler and linker [cc]");
    flags.choose("contractions", contractions_, contractions_names(),
                 "Matmuls and convolutions by kernels that Weft generates, by oneDNN, or by shape");
    flags.add("no-winograd", no_winograd_, "Disable Winograd convolution");
    optimizer_.declare(flags);
    passes_.declare(flags);
    model_.declare_size(flags);
    model_.declare(flags);
  }

  int run() override {
    options_ = passes_.apply(options_);
    options_.winograd = !no_winograd_;
    options_.contractions = parse_contractions(contractions_);
    if (options_.standalone && options_.contractions == Contractions::onednn)
      fail_usage("--standalone generates all contractions: omit it or --contractions onednn");
    options_.batches = batches_of(batches_);
    options_.entries = parts_of(entries_);
    options_.on_gpu = backend_ != "cpu";
    options_.architectures = parts_of(architectures_);
    options_.precision = parse_precision(precision_);
    if (!has_precision(backend_, options_.precision)) fail_usage("--precision {} needs --backend cuda", precision_);
    if (!options_.on_gpu && !architectures_.empty()) fail_usage("--arch needs --backend cuda");
    const aot::BuildOptions build = build_options();
    std::optional<Weights> weights;
    const ir::Module module = subject(weights);
    if (embed_ && !weights) fail_usage("--embed needs weights: give --weights, or name a run");
    const fs::path prefix = out_ ? *out_ : module.name;
    options_.name = prefix.filename().string();
    if (!aot::is_identifier(options_.name))
      fail_usage("-o {}: the file name prefixes C function names, so use only letters, digits and _", prefix.string());
    aot::Compiled ahead = training::compile_model(module, weights, options_);
    if (weights && embed_) ahead.artefact.weights = std::move(ahead.memory);
    if (weights && !embed_) ahead.artefact.weights_file = options_.name + ".safetensors";
    const StopSignals signals;  // a stop removes unfinished files, or exits after they are complete
    std::vector<fs::path> made;
    try {
      made = aot::build(ahead.artefact, prefix, build);
    } catch (const Error&) {  // Ctrl-C also ends the C compiler
      if (!signals.stop_requested()) throw;
      return signals.exit_code();
    }
    if (!ahead.artefact.weights_file.empty()) {
      made.emplace_back(prefix.string() + ".safetensors");
      runtime::write_safetensors(made.back(), ahead.weights,
                                 {{"model", module.name}, {"settings", ahead.artefact.settings}},
                                 {.checksums = runtime::Checksums::crc32});
    }
    tell(ahead.artefact, made);
    return signals.stop_requested() ? signals.exit_code() : 0;
  }

 private:
  aot::BuildOptions build_options() const {
    aot::BuildOptions build;
    if (options_.standalone) build.runner = aot::Runner::standalone;
    if (options_.on_gpu) {
      if (options_.standalone) fail_usage("--standalone is for the cpu: omit it or --backend {}", backend_);
      build.runner = backend_ == "cuda" ? aot::Runner::cuda : aot::Runner::cuda_emulated;
    }
    if (!options_.triple.empty()) {
      if (!options_.standalone) fail_usage("--target needs --standalone: the installed oneDNN is for this machine");
      build.compiler = options_.triple + "-gcc";
      build.archiver = options_.triple + "-ar";
    }
    if (cc_) build.compiler = *cc_;
    return build;
  }

  // The module to compile, and its weights.
  ir::Module subject(std::optional<Weights>& weights) {
    if (weights_) weights = Weights{runtime::read_safetensors(*weights_), *weights_};
    const fs::path named = model_.name();
    if (fs::is_directory(named)) return of_run(training::RunDirectory::open(named), weights);
    if (fs::is_regular_file(named) && named.extension() != ".weft")
      return of_run(open_checkpoint(catalog_, named), weights);
    options_.optimizer = optimizer_.apply(options_.optimizer);
    Subject subject = model_.build_or_read();
    options_.settings = subject.settings;
    return std::move(subject.module);
  }

  ir::Module of_run(const training::RunDirectory& run, std::optional<Weights>& weights) {
    options_.settings = run.config().settings;
    options_.optimizer = optimizer_.apply(run.config().session.optimizer);
    if (!weights && run.has_checkpoint()) weights = Weights{run.read_checkpoint(), run.checkpoint_path()};
    return run.module();
  }

  void tell(const aot::Artefact& artefact, const std::vector<fs::path>& made) const {
    nlohmann::ordered_json json = {{"model", artefact.model}, {"cpu", artefact.cpu}};
    for (const fs::path& file : made) {
      const auto bytes = fs::file_size(file);
      json["files"][file.string()] = bytes;
      if (!json_) put("{:>12}  {}\n", bytes, file.string());
    }
    if (json_) put_json(json);
  }

  const Catalog& catalog_;
  ModelFlags model_;
  OptimizerFlags optimizer_;
  PassFlags passes_;
  aot::Options options_;
  std::string entries_, batches_ = "1,64", backend_ = "cpu", architectures_, precision_ = "f32";
  std::optional<std::string> weights_, out_, cc_;
  std::string contractions_ = "auto";
  bool embed_ = false, json_ = false, no_winograd_ = false;
};

}  // namespace

std::unique_ptr<Command> make_compile(const Catalog& catalog) { return std::make_unique<CompileCommand>(catalog); }

}  // namespace weft::tools
