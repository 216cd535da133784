// Programs of the backend cuda: functions of their source, calls of the libraries, and machine code.
#include <variant>

#include "backends/artefact/program_text.h"

namespace weft::artefact {

namespace {

class CudaText final : public ProgramText {
 public:
  CudaText(const Artefact& artefact, const cuda::AheadProgram& program, const std::string& prefix,
           const std::string& folder)
      : ProgramText(artefact, *program.graph, prefix) {
    for (const cuda::Step& step : program.recipe->steps()) add_step(std::visit(*this, step.work), step);
    add_code(program, folder);
  }

  // The struct of a step's kind, and the name of that.
  std::string operator()(const cuda::KernelWork& work) {
    std::vector<std::string> launches;
    for (const cuda::Launch& launch : work.launches)
      launches.push_back(fmt::format("{{{}, {}, {}, {}}}", quoted(launch.function), launch.blocks, launch.threads,
                                     launch.shared_bytes));
    add(fmt::format("static const weft_launch {}[] = {};\n", name("launches"), braces(launches)));
    what("weft_launches_step", fmt::format("{{{}, {}, {}}}", name("launches"), launches.size(), work.scratch_bytes));
    return "LAUNCHES";
  }
  std::string operator()(const cuda::Product& work) {
    const auto matrix = [](const cuda::Matrix& m) {
      return fmt::format("{{{{{}, {}, {}, {}}}, {}}}", m.rows, m.columns, m.row_stride, m.column_stride, m.alignment);
    };
    what("weft_product_step", fmt::format("{{{}, {}, {}, {}, {}, {}, {}, {}}}", matrix(work.a), matrix(work.b),
                                          matrix(work.result), int(work.bias), quoted(work.activation),
                                          dtype_name(work.dtype), int(work.tf32), work.bias_alignment));
    return "PRODUCT";
  }
  std::string operator()(const cuda::Convolution& work) {
    what("weft_device_convolution_step",
         fmt::format("{{{}, {}, {}, {}}}", convolution_text(work, "", work.bias, work.activation, false),
                     dtype_name(work.dtype), int(work.tf32), int(work.w_last)));
    return "DEVICE_CONVOLUTION";
  }
  std::string operator()(const cuda::FillWork& work) {
    fill(work.gaps);
    return "FILL";
  }

 private:
  void add_code(const cuda::AheadProgram& program, const std::string& folder) {
    add(fmt::format("static const char {}source[] =\n    {};\n", prefix(), quoted(program.recipe->source())));
    std::vector<std::string> codes;
    for (const cuda::Cubin& cubin : program.cubins) {
      const std::string symbol = prefix() + cubin.architecture;
      add(embedded_text(symbol, folder + "/" + symbol));
      codes.push_back(fmt::format("{{{}, {}}}", quoted(cubin.architecture), symbol));
    }
    if (!codes.empty()) add(fmt::format("static const weft_code {}codes[] = {};\n", prefix(), braces(codes)));
  }
};

}  // namespace

std::string program_text(const Artefact& artefact, const cuda::AheadProgram& program, const std::string& prefix,
                         const std::string& folder) {
  return CudaText(artefact, program, prefix, folder).finish();
}

}  // namespace weft::artefact
