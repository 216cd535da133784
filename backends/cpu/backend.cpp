// The row of the backend cpu.
#include "backends/backend.h"

#include <algorithm>
#include <thread>

#include "backends/cpu/onednn/onednn.h"
#include "backends/cpu/program/program.h"

namespace weft::backend_rows {

namespace {

weft::cpu::ScheduleOptions schedule_options(const CompileOptions& options) {
  static const bool avx512 = weft::cpu::find_target("native").avx512;
  return {"", options.winograd, options.contractions, avx512};
}

}  // namespace

Backend cpu() {
  Backend row;
  row.name = "cpu";
  row.by_default = Backend::Default::always;
  row.generates_contractions = true;
  row.libraries = {"LLVM " WEFT_LLVM_VERSION, weft::cpu::onednn_version()};
  row.target = [](const CompileOptions& options) { return weft::cpu::target(schedule_options(options)); };
  row.compile = [](ir::GraphPtr graph, const CompileOptions& options, CompileReport& report) {
    const int threads = options.threads > 0 ? options.threads : int(std::max(1u, std::thread::hardware_concurrency()));
    return weft::cpu::make_program(std::move(graph), threads, schedule_options(options), report);
  };
  return row;
}

}  // namespace weft::backend_rows
