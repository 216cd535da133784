// The tables of programs of the backend cuda: functions of their source, library calls, and machine code.
#include <variant>

#include "backends/aot/program_text.h"

namespace weft::aot {

namespace {

class CudaText final : public ProgramText {
 public:
  CudaText(const Artefact& artefact, const CudaProgram& program, const std::string& prefix, const std::string& folder)
      : ProgramText(artefact, *program.graph, prefix) {
    for (const cuda::Step& step : program.schedule->steps()) add_step(std::visit(*this, step.body), step);
    add_code(program, folder);
  }

  // Writes the struct of a step's kind and returns the kind's name.
  std::string operator()(const cuda::KernelStep& body) {
    std::vector<std::string> launches;
    for (const cuda::Launch& launch : body.launches)
      launches.push_back(fmt::format("{{{}, {}, {}, {}}}", c_string(launch.function), launch.blocks, launch.threads,
                                     launch.shared_bytes));
    add(fmt::format("static const weft_launch {}[] = {};\n", name("launches"), braces(launches)));
    what("weft_launches_step", fmt::format("{{{}, {}, {}}}", name("launches"), launches.size(), body.scratch_bytes));
    return "LAUNCHES";
  }
  std::string operator()(const cuda::Matmul& body) {
    const auto matrix = [](const cuda::Matrix& m) {
      return fmt::format("{{{{{}, {}, {}, {}}}, {}}}", m.rows, m.columns, m.row_stride, m.column_stride, m.alignment);
    };
    what("weft_device_matmul_step", fmt::format("{{{}, {}, {}, {}, {}, {}, {}, {}}}", matrix(body.a), matrix(body.b),
                                                matrix(body.result), int(body.bias), c_string(body.activation),
                                                dtype_name(body.dtype), int(body.tf32), body.bias_alignment));
    return "DEVICE_MATMUL";
  }
  std::string operator()(const cuda::Convolution& body) {
    what("weft_device_convolution_step",
         fmt::format("{{{}, {}, {}, {}}}", convolution_text(body, "", body.bias, body.activation, false),
                     dtype_name(body.dtype), int(body.tf32), int(body.w_last)));
    return "DEVICE_CONVOLUTION";
  }
  std::string operator()(const cuda::FillStep& body) {
    fill(body.gaps);
    return "FILL";
  }

 private:
  void add_code(const CudaProgram& program, const std::string& folder) {
    add(fmt::format("static const char {}source[] =\n    {};\n", prefix(), c_string(program.schedule->source())));
    std::vector<std::string> codes;
    for (const Cubin& cubin : program.cubins) {
      const std::string symbol = prefix() + cubin.architecture;
      add(embedded_text(symbol, folder + "/" + symbol));
      codes.push_back(fmt::format("{{{}, {}}}", c_string(cubin.architecture), symbol));
    }
    if (!codes.empty()) add(fmt::format("static const weft_code {}codes[] = {};\n", prefix(), braces(codes)));
  }
};

}  // namespace

std::string program_text(const Artefact& artefact, const CudaProgram& program, const std::string& prefix,
                         const std::string& folder) {
  return CudaText(artefact, program, prefix, folder).finish();
}

}  // namespace weft::aot
