// weft doctor: reports what this machine and build support, and how to fix what is missing.
#include <algorithm>

#include "backends/compile.h"
#include "tools/bench/machine.h"
#include "tools/bench/peak.h"
#include "tools/commands/commands.h"
#include "tools/console/console.h"
#include "tools/flags/train_flags.h"
#include "training/plot/canvas.h"

namespace weft::tools {

namespace {

void line(const char* what, const std::string& text) { put("{:<12} {}\n", what, text); }
void advice(const std::string& text) { put("{:<12} -> {}\n", "", text); }

class Doctor final : public Command {
 public:
  void declare(Flags& flags) override { data_.declare(flags); }

  int run() override {
    const Machine machine = describe_machine();
    tell_processor(machine);
    tell_memory(machine);
    tell_build();
    tell_gpu();
    tell_data();
    tell_font();
    tell_peak(machine.cores);
    return 0;
  }

 private:
  static bool has(const Machine& machine, const char* feature) {
    return std::ranges::find(machine.features, feature) != machine.features.end();
  }

  static void tell_processor(const Machine& machine) {
    line("processor", machine.processor.empty() ? "unknown" : machine.processor);
    line("cores", fmt::format("{}", machine.cores));
    line("vectors", fmt::format("{}", fmt::join(machine.features, ", ")));
    if (!has(machine, "avx2") || !has(machine, "fma"))
      advice("the cpu backend needs AVX2 and FMA; use --backend reference, which is slow");
    else if (!has(machine, "avx512f"))
      advice("without AVX-512, kernels use 256-bit vectors");
  }

  static void tell_memory(const Machine& machine) {
    line("memory", bytes_text(double(machine.memory_bytes)));
    line("huge pages", machine.huge_pages.empty() ? "unknown" : machine.huge_pages);
    if (machine.huge_pages == "never")
      advice("steps are faster with huge pages: echo madvise > /sys/kernel/mm/transparent_hugepage/enabled");
  }

  static void tell_build() {
    line("weft", WEFT_VERSION);
    line("backends", fmt::format("{}", fmt::join(backend_choices(), ", ")));
    if (backend_libraries().empty())
      advice("the cpu backend is missing: install llvm-19-dev and libdnnl-dev and configure again");
    else
      line("libraries", fmt::format("{}", fmt::join(backend_libraries(), ", ")));
  }

  // The requirements of the cuda backend; a machine may lack all of them.
  static void tell_gpu() {
    const std::vector<Finding> findings = find_needs("cuda");
    if (findings.empty()) {
      line("gpu", "not built in: CUDA and cuDNN headers were missing when Weft was configured");
      return;
    }
    for (const Finding& finding : findings) {
      line(finding.what.c_str(), finding.found ? finding.text : "missing: " + finding.text);
      if (!finding.found) advice("for --backend cuda: " + finding.advice);
    }
  }

  void tell_data() const {
    const training::DatasetSplits data = training::load_data(data_.apply({}));
    line("data", fmt::format("{}: {} images to train, {} to validate, {} to test", data.train.name,
                             grouped(data.train.size()), grouped(data.validation.size()), grouped(data.test.size())));
  }

  static void tell_font() {
    line("font", training::has_font() ? "found" : "none: pictures use a stroke font");
    if (!training::has_font()) advice("install a font, such as the package fonts-dejavu-core");
  }

  static void tell_peak(int cores) {
    const Peak peak = measure_peak(cores);
    line("peak", fmt::format("{:.1f} GFLOP/s (f32, {}) and {:.1f} GB/s (triad) on {}", peak.gflops, peak.instruction,
                             peak.bandwidth, threads_text(cores)));
  }

  DataFlags data_;
};

}  // namespace

std::unique_ptr<Command> make_doctor(const Catalog&) { return std::make_unique<Doctor>(); }

}  // namespace weft::tools
