// The row of the backend cpu.
#include "backends/backend.h"

#include <algorithm>
#include <thread>

#include "backends/cpu/onednn/onednn.h"
#include "backends/cpu/program/program.h"

namespace weft::backend_rows {

Backend cpu() {
  Backend row;
  row.name = "cpu";
  row.by_default = Backend::Default::always;
  row.standalone = true;
  row.libraries = {"LLVM " WEFT_LLVM_VERSION, weft::cpu::onednn_version()};
  row.target = weft::cpu::target;
  row.compile = [](ir::GraphPtr graph, const CompileOptions& options, CompileReport& report) {
    const int threads = options.threads > 0 ? options.threads : int(std::max(1u, std::thread::hardware_concurrency()));
    return weft::cpu::make_program(std::move(graph), threads, {"", options.winograd, options.standalone}, report);
  };
  return row;
}

}  // namespace weft::backend_rows
